"""One wave of events: what each family of types does to the rows, and what follows from that."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing_core.cancellations import step_of
from billing_core.config import BillingConfig
from billing_core.facts import SubscriptionFacts
from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.stripe_gateway.shapes import reference
from billing_core.subscription_rows import columns_of_main_item
from billing_core.tables import Outcome
from webhook_listener.projection import cancellations, catalog, organizations
from webhook_listener.projection.advance import Step, advance
from webhook_listener.projection.entitlements import Cause, learned_lookup_keys, refresh
from webhook_listener.projection.families import (
    CHECKOUT_TYPES,
    CUSTOMERS,
    PRICES,
    PRODUCTS,
    SUBSCRIPTIONS,
)
from webhook_listener.projection.workspace import Workspace

_PLAIN_CUSTOMER: dict[str, Any] = {"suspect": False, "peers": 0, "deleted": False}
_RELINKED = Cause("relink")


@dataclass
class Wave:
    """Events of which no two are about one customer or one object, and what they brought."""

    workspace: Workspace
    config: BillingConfig
    now: datetime
    events: list[InboxEvent] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    new_customers: set[str] = field(default_factory=set)
    relinked: set[str] = field(default_factory=set)
    affected: dict[str, Cause] = field(default_factory=dict)
    repriced: set[str] = field(default_factory=set)

    def take(self, step: Step[Any]) -> None:
        """Keep a step's outcomes."""
        self.outcomes.update(step.outcomes)
        self.faults.update(step.faults)


def _project_products(wave: Wave, events: Sequence[InboxEvent]) -> None:
    step = advance(wave.workspace, PRODUCTS, events, wave.config)
    wave.workspace.put(PRODUCTS.table, step.rows)
    wave.take(step)


def _project_prices(wave: Wave, events: Sequence[InboxEvent]) -> None:
    step = advance(wave.workspace, PRICES, events, wave.config)
    at = {event.event_id: event.created for event in events}
    wave.repriced |= catalog.learn(
        wave.workspace,
        [
            catalog.sighting_of_price(version, at[version.event_id])
            for version in step.versions.values()
        ],
    )
    kept = {
        row["price_id"]: catalog.learned_key(row)._asdict()
        for row in wave.workspace.by(
            PRICES.table, "price_id", [row["price_id"] for row in step.rows]
        )
    }
    wave.workspace.put(PRICES.table, [{**row, **kept[row["price_id"]]} for row in step.rows])
    wave.take(step)


def _project_customers(wave: Wave, events: Sequence[InboxEvent]) -> None:
    step = advance(wave.workspace, CUSTOMERS, events, wave.config)
    known = {
        row["customer_id"]: row
        for row in wave.workspace.by(CUSTOMERS.table, "customer_id", step.facts)
    }
    rows = []
    for row in step.rows:
        held = known.get(row["customer_id"])
        rows.append({**row, "org_id": held["org_id"] if held else row["customer_id"]})
        if held is None:
            wave.new_customers.add(row["customer_id"])
    wave.workspace.put(CUSTOMERS.table, rows)
    wave.relinked |= set(step.facts)
    for event in events:
        if event.object_id is not None:
            wave.affected[event.object_id] = Cause("event", event.event_id, event.created)
    wave.take(step)


def _project_checkouts(wave: Wave, events: Sequence[InboxEvent]) -> None:
    """A completed Checkout says whose customer it made: its ``client_reference_id``."""
    for event in events:
        wave.outcomes[event.event_id] = Outcome.APPLIED
    claims = {
        event.customer_id: (reference_id, event.created)
        for event in events
        if event.customer_id is not None
        and (reference_id := reference(event.object, "client_reference_id")) is not None
    }
    known = {
        row["customer_id"]: row for row in wave.workspace.by(CUSTOMERS.table, "customer_id", claims)
    }
    rows = []
    for customer_id, (reference_id, at) in claims.items():
        row = known.get(customer_id)
        if row is not None and row["checkout_reference_at"] is not None:
            held = (row["checkout_reference_at"], row["checkout_reference"])
            if (at, reference_id) <= held:
                continue
        rows.append(
            {
                "customer_id": customer_id,
                "org_id": row["org_id"] if row is not None else customer_id,
                "checkout_reference": reference_id,
                "checkout_reference_at": at,
                **{
                    name: row[name] if row is not None else _PLAIN_CUSTOMER[name]
                    for name in _PLAIN_CUSTOMER
                },
            }
        )
        wave.relinked.add(customer_id)
        if row is None:
            wave.new_customers.add(customer_id)
    wave.workspace.put(CUSTOMERS.table, rows)
    for event in events:
        if event.customer_id in wave.relinked:
            wave.affected[event.customer_id] = Cause("event", event.event_id, event.created)


def _project_subscriptions(wave: Wave, events: Sequence[InboxEvent]) -> None:
    step = advance(wave.workspace, SUBSCRIPTIONS, events, wave.config)
    at = {event.event_id: event.created for event in events}
    wave.repriced |= catalog.learn(
        wave.workspace,
        [
            sighting
            for version in step.versions.values()
            for sighting in catalog.sightings_in_subscription(version, at[version.event_id])
        ],
    )
    facts: dict[str, SubscriptionFacts] = step.facts
    keys = learned_lookup_keys(wave.workspace, catalog.price_ids_of(facts.values()))
    rows = [
        {**row, **columns_of_main_item(facts[row["subscription_id"]], wave.config, keys)}
        for row in step.rows
    ]
    before = wave.workspace.by(SUBSCRIPTIONS.table, "subscription_id", facts)
    wave.workspace.put(SUBSCRIPTIONS.table, rows)
    concerned = [row["subscription_id"] for row in (*before, *rows) if cancellations.concerned(row)]
    told = {
        subscription_id: one
        for subscription_id, version in step.versions.items()
        if (one := step_of(version, wave.config)) is not None
    }
    cancellations.keep(wave.workspace, {*concerned, *told}, told)
    causes = {event.object_id: Cause("event", event.event_id, event.created) for event in events}
    for subscription_id, kept in facts.items():
        if kept.customer_id is not None:
            wave.affected[kept.customer_id] = causes[subscription_id]
    wave.take(step)


Projection = Callable[[Wave, Sequence[InboxEvent]], None]

# Customers come before subscriptions so that an org is known by its own id from the start.
STEPS: tuple[tuple[Projection, frozenset[str]], ...] = (
    (_project_products, frozenset(PRODUCTS.types)),
    (_project_prices, frozenset(PRICES.types)),
    (_project_customers, frozenset(CUSTOMERS.types)),
    (_project_checkouts, CHECKOUT_TYPES),
    (_project_subscriptions, frozenset(SUBSCRIPTIONS.types)),
)
PROJECTIONS: dict[str, Projection] = {
    type_: projection for projection, types in STEPS for type_ in types
}


def project_wave(wave: Wave) -> None:
    """Work out what the wave's events do, and bring its orgs and their entitlements in line."""
    for projection, types in STEPS:
        chosen = [event for event in wave.events if event.type in types]
        if chosen:
            projection(wave, chosen)
    _meet_unknown_customers(wave)
    for customer_id in catalog.refresh_subscriptions(wave.workspace, wave.repriced, wave.config):
        wave.affected.setdefault(customer_id, Cause("price"))
    linked = wave.relinked | wave.new_customers
    org_ids = organizations.assign(wave.workspace, linked) if linked else set()
    org_of = org_ids_of(wave.workspace, wave.affected)
    causes = {org_of[customer_id]: cause for customer_id, cause in wave.affected.items()}
    refresh(
        wave.workspace,
        org_ids | set(causes),
        wave.config,
        causes,
        otherwise=_RELINKED,
        now=wave.now,
    )


def _meet_unknown_customers(wave: Wave) -> None:
    """A subscription may come before its customer: the customer then stands under its own id."""
    known = {
        row["customer_id"]
        for row in wave.workspace.by(CUSTOMERS.table, "customer_id", wave.affected)
    }
    unknown = set(wave.affected) - known
    wave.workspace.put(
        CUSTOMERS.table,
        [{"customer_id": key, "org_id": key, **_PLAIN_CUSTOMER} for key in unknown],
    )
    wave.new_customers |= unknown


def org_ids_of(workspace: Workspace, customer_ids: Iterable[str]) -> dict[str, str]:
    """The org of each of these customers that is known."""
    return {
        row["customer_id"]: row["org_id"]
        for row in workspace.by(CUSTOMERS.table, "customer_id", customer_ids)
    }
