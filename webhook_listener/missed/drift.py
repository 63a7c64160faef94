"""A few subscriptions at a time compared with Stripe; a lasting difference is recorded.

It is mended through the inbox alone: the answer goes in as a snapshot and is projected like any
event. A difference counts only if it outlasts the time that a webhook may still be on its way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, select

from billing_core.errors import BillingError, BillingErrorCode, UnreadableShapeError
from billing_core.facts import FINAL_STATUSES, SubscriptionFacts
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import FetchedObject
from billing_core.subscription_rows import facts_of_row
from webhook_listener import state
from webhook_listener.database import reading_transaction
from webhook_listener.missed.inbound import Inbound, put, snapshot_delivery, utc_now
from webhook_listener.receive import RejectedError
from webhook_listener.tables import DRIFT, SUBSCRIPTIONS

STATE = "drift"
_log = structlog.get_logger("webhook_listener.drift")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that stands otherwise at Stripe, both values as text."""

    subscription_id: str
    field: str
    ours: str | None
    stripes: str | None


def find_differing(inbound: Inbound, gateway: StripeGateway, *, sample: int) -> list[FetchedObject]:
    """Ask about the next ``sample`` subscriptions that have not ended; those that differ now.

    Raises BillingError where Stripe does not answer.
    """
    fetched = (
        _fetch(gateway, subscription_id) for subscription_id in _next_sample(inbound, sample)
    )
    return [found for found in fetched if found is not None and _differences(inbound, found)]


def record_lasting(inbound: Inbound, differing: Sequence[FetchedObject]) -> list[Difference]:
    """Record and mend those that still differ; call it once a webhook had time to arrive."""
    lasting = []
    for found in differing:
        differences = _differences(inbound, found)
        if differences:
            _record(inbound, found, differences)
            lasting += differences
    return lasting


def _next_sample(inbound: Inbound, sample: int) -> list[str]:
    """The subscriptions after those of the last check, from the start again after the last."""
    with reading_transaction(inbound.engine) as connection:
        after = state.read(connection, STATE).get("after", "")
        key = SUBSCRIPTIONS.c.subscription_id
        going = select(key).where(SUBSCRIPTIONS.c.status.not_in(FINAL_STATUSES))
        chosen = list(
            connection.execute(going.where(key > after).order_by(key).limit(sample)).scalars()
        )
    here = {"after": chosen[-1] if len(chosen) == sample else "", "ran_at": utc_now().isoformat()}
    inbound.write(lambda connection: state.keep(connection, STATE, here, now=utc_now()))
    return chosen


def _fetch(gateway: StripeGateway, subscription_id: str) -> FetchedObject | None:
    try:
        return gateway.fetch_subscription(subscription_id)
    except BillingError as error:
        if error.code is BillingErrorCode.NO_SUBSCRIPTION:
            return None
        raise


def _differences(inbound: Inbound, found: FetchedObject) -> list[Difference]:
    with reading_transaction(inbound.engine) as connection:
        row = (
            connection.execute(
                select(SUBSCRIPTIONS).where(SUBSCRIPTIONS.c.subscription_id == found.object_id)
            )
            .mappings()
            .first()
        )
    if row is None or row["event_created"] >= found.at:
        return []
    try:
        theirs = shapes.subscription_facts(orjson.loads(found.body))
    except UnreadableShapeError:
        return []
    return _compare(facts_of_row(_plain(row)), theirs)


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _compare(ours: SubscriptionFacts, theirs: SubscriptionFacts) -> list[Difference]:
    pairs = [
        (field.name, getattr(ours, field.name), getattr(theirs, field.name))
        for field in fields(SubscriptionFacts)
    ]
    return [
        Difference(ours.subscription_id, name, _text(one), _text(other))
        for name, one, other in pairs
        if one != other
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _record(inbound: Inbound, found: FetchedObject, differences: Sequence[Difference]) -> None:
    now = utc_now()
    try:
        delivery = snapshot_delivery("snapshot.subscription", found, inbound.audience, now=now)
    except RejectedError:
        return
    rows = [
        {
            "found_at": now,
            "subscription_id": one.subscription_id,
            "field": one.field,
            "ours": one.ours,
            "stripes": one.stripes,
            "event_id": delivery.event.event_id,
        }
        for one in differences
    ]

    def record(connection: Connection) -> None:
        put(connection, [delivery])
        connection.execute(DRIFT.insert(), rows)

    inbound.write(record)
    _log.warning(
        "drift.found",
        subscription_id=found.object_id,
        fields=[difference.field for difference in differences],
    )
