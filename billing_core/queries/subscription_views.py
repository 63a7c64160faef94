"""Subscriptions with their items, plans and products, from whatever described them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing_core.config import BillingConfig
from billing_core.entitlement import (
    SubscriptionState,
    effective_lookup_key,
    main_item,
    status_gives_access,
    winding_down_until,
)
from billing_core.facts import ItemFacts, SubscriptionFacts
from billing_core.queries.tables import PRICES, PRODUCTS, Row
from billing_core.rows import ItemView, SubscriptionView
from billing_core.subscription_rows import facts_of_row


@dataclass(frozen=True, slots=True)
class Described:
    """A subscription as one event left it."""

    facts: SubscriptionFacts
    known_status: str | None
    event_id: str
    event_at: datetime
    suspect: bool

    @property
    def state(self) -> SubscriptionState:
        """What the entitlement rules need of it."""
        return SubscriptionState(self.facts, self.event_id, self.known_status)


def described_by_row(row: Row) -> Described:
    """A subscription as its row in ``subscriptions`` has it."""
    return Described(
        facts=facts_of_row(row),
        known_status=row["known_status"],
        event_id=row["event_id"],
        event_at=row["event_created"],
        suspect=bool(row["suspect"]),
    )


def subscription_views(
    connection: Connection,
    described: Sequence[Described],
    deciding_id: str | None,
    config: BillingConfig,
) -> tuple[SubscriptionView, ...]:
    """The subscriptions in the order given; ``deciding_id`` names the one that decides."""
    items = [item for each in described for item in each.facts.items]
    keys = learned_keys(connection, items)
    names = _product_names(connection, items)
    return tuple(_view(each, keys, names, deciding_id, config) for each in described)


def learned_keys(connection: Connection, items: Iterable[ItemFacts]) -> dict[str, str]:
    """The lookup key that each item's price was last seen under."""
    ids = {item.price_id for item in items if item.price_id is not None}
    p = PRICES.c
    statement = select(p.price_id, p.lookup_key).where(
        p.price_id.in_(ids), p.lookup_key.is_not(None)
    )
    return {row.price_id: row.lookup_key for row in connection.execute(statement)}


def prices_without_plan(subscriptions: Iterable[SubscriptionView]) -> tuple[str, ...]:
    """Prices that should give a plan and do not; an add-on beside a plan is none of them."""
    return tuple(
        item.facts.price_id
        for view in subscriptions
        if not view.facts.final
        for item in view.items
        if item.decides and item.plan is None and item.facts.price_id is not None
    )


def _view(
    each: Described,
    keys: Mapping[str, str],
    names: Mapping[str, str],
    deciding_id: str | None,
    config: BillingConfig,
) -> SubscriptionView:
    facts = each.facts
    main, _ = main_item(facts, config, keys)
    has_access = status_gives_access(facts.status, each.known_status, config.access)
    return SubscriptionView(
        facts=facts,
        items=tuple(_item(item, keys, names, item is main, config) for item in facts.items),
        gives_access=has_access,
        ends_at=winding_down_until(facts) if has_access else None,
        decides=facts.subscription_id == deciding_id,
        suspect=each.suspect,
        last_event_id=each.event_id,
        last_event_at=each.event_at,
    )


def _item(
    item: ItemFacts,
    keys: Mapping[str, str],
    names: Mapping[str, str],
    decides: bool,
    config: BillingConfig,
) -> ItemView:
    key = effective_lookup_key(item, keys)
    plan = config.plan_for(key, item.price_id)
    return ItemView(
        facts=item,
        lookup_key=key,
        plan=plan,
        plan_name=config.plan_name(plan),
        product_name=names.get(item.product_id or ""),
        decides=decides,
    )


def _product_names(connection: Connection, items: Iterable[ItemFacts]) -> dict[str, str]:
    ids = {item.product_id for item in items if item.product_id is not None}
    p = PRODUCTS.c
    statement = select(p.product_id, p.name).where(p.product_id.in_(ids), p.name.is_not(None))
    return {row.product_id: row.name for row in connection.execute(statement)}
