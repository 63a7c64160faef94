"""Prices learned from every event that shows one, so that a moved lookup key is not forgotten.

When a lookup key moves to a new price Stripe takes it off the old one, while customers still pay
that. The last key that a price was seen under therefore stays with it. Two keys seen in one second
cannot be told apart by time: the price is marked as disputed until a later second, mostly Stripe's own
answer, shows which it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.facts import ItemFacts, PriceFacts, SubscriptionFacts
from billing_core.ordering import Version
from billing_core.subscription_rows import columns_of_main_item, facts_of_row
from webhook_listener.projection import cancellations
from webhook_listener.projection.entitlements import learned_lookup_keys
from webhook_listener.projection.workspace import Row, Workspace

PRICES = SQLModel.metadata.tables["prices"]
SUBSCRIPTIONS = SQLModel.metadata.tables["subscriptions"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A price as an event showed it."""

    price: PriceFacts | ItemFacts
    lookup_key: str | None
    at: datetime


class LearnedKey(NamedTuple):
    """The last lookup key that a price was seen under, as its row keeps it."""

    lookup_key: str | None = None
    lookup_key_at: datetime | None = None
    lookup_key_disputed: bool = False

    def after(self, sighting: Sighting) -> "LearnedKey":
        """What is known with this sighting as well, whatever the order they are learned in."""
        if sighting.lookup_key is None:
            return self
        if self.lookup_key is None or self.lookup_key_at is None:
            return LearnedKey(sighting.lookup_key, sighting.at)
        if sighting.at == self.lookup_key_at and sighting.lookup_key != self.lookup_key:
            larger = max(sighting.lookup_key, self.lookup_key)
            return LearnedKey(larger, sighting.at, lookup_key_disputed=True)
        if sighting.at > self.lookup_key_at:
            return LearnedKey(sighting.lookup_key, sighting.at)
        return self


def learned_key(row: Row) -> LearnedKey:
    """What a price's row knows of its key."""
    return LearnedKey(*(row[name] for name in LearnedKey._fields))


def sightings_in_subscription(
    version: Version[SubscriptionFacts], at: datetime
) -> Iterable[Sighting]:
    """The prices on a subscription's items."""
    for item in version.after.items:
        if item.price_id is not None:
            yield Sighting(item, item.lookup_key, at)


def sighting_of_price(version: Version[PriceFacts], at: datetime) -> Sighting:
    """The price itself, under its key or the one that it has just lost."""
    lost = version.before.lookup_key if version.before is not None else None
    return Sighting(version.after, version.after.lookup_key or lost, at)


def learn(workspace: Workspace, sightings: Iterable[Sighting]) -> set[str]:
    """Keep what the sightings tell of prices; returns those whose lookup key changed.

    A price seen only inside a subscription gets a row of its own from what that shows.
    """
    by_price: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        price_id = sighting.price.price_id
        assert price_id is not None  # noqa: S101 - both makers of sightings see to it
        by_price[price_id].append(sighting)
    rows = {row["price_id"]: row for row in workspace.by(PRICES, "price_id", by_price)}
    changed: set[str] = set()
    learned: list[dict[str, Any]] = []
    for price_id, seen in by_price.items():
        row = rows.get(price_id)
        before = learned_key(row) if row is not None else LearnedKey()
        after = reduce(LearnedKey.after, seen, before)
        if row is None:
            learned.append({**_stub(price_id, seen[0].price), **after._asdict()})
        elif after != before:
            learned.append({"price_id": price_id, **after._asdict()})
            if after.lookup_key != before.lookup_key:
                changed.add(price_id)
    workspace.put(PRICES, learned)
    return changed


def _stub(price_id: str, price: PriceFacts | ItemFacts) -> dict[str, Any]:
    return {
        "price_id": price_id,
        "product_id": price.product_id,
        "unit_amount": price.unit_amount,
        "currency": price.currency,
        "interval": price.interval,
        "interval_count": price.interval_count,
        "nickname": None,
        "deleted": False,
        "suspect": False,
        "peers": 0,
        "event_created": None,
        "event_id": None,
    }


def refresh_subscriptions(
    workspace: Workspace, price_ids: set[str], config: BillingConfig
) -> set[str]:
    """Redo the main item of every subscription with one of these prices; returns the customers."""
    if not price_ids:
        return set()
    columns = SUBSCRIPTIONS.c
    others = [columns.other_price_ids.contains(f",{key},", autoescape=True) for key in price_ids]
    statement = select(columns.subscription_id).where(
        or_(
            columns.price_id.in_(price_ids),
            columns.other_price_ids.is_not(None) & or_(*others),
        )
    )
    found = set(workspace.connection.execute(statement).scalars())
    changed = (row for _, row in workspace.changed(SUBSCRIPTIONS))  # the database has none of it
    found |= {row["subscription_id"] for row in changed if row and _has_price(row, price_ids)}
    rows = workspace.by(SUBSCRIPTIONS, "subscription_id", sorted(found))
    put_main_items(workspace, rows, config)
    return {row["customer_id"] for row in rows if row["customer_id"] is not None}


def _has_price(row: Row, price_ids: set[str]) -> bool:
    others = (row["other_price_ids"] or "").split(",")
    return row["price_id"] in price_ids or not price_ids.isdisjoint(others)


def put_main_items(workspace: Workspace, rows: Sequence[Row], config: BillingConfig) -> None:
    """Redo the columns that describe the deciding item of these subscriptions."""
    facts = {row["subscription_id"]: facts_of_row(row) for row in rows}
    keys = learned_lookup_keys(workspace, price_ids_of(facts.values()))
    workspace.put(
        SUBSCRIPTIONS,
        [
            {"subscription_id": key, **columns_of_main_item(one, config, keys)}
            for key, one in facts.items()
        ],
    )
    concerned = [row["subscription_id"] for row in rows if cancellations.concerned(row)]
    cancellations.keep(workspace, concerned)


def price_ids_of(subscriptions: Iterable[SubscriptionFacts]) -> set[str]:
    """Every price on these subscriptions' items."""
    return {
        item.price_id
        for facts in subscriptions
        for item in facts.items
        if item.price_id is not None
    }
