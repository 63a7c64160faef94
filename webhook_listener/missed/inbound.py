"""The inbox as the askers see it: what Stripe answered goes in as events, like everything else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import orjson
from sqlalchemy import Connection, Engine

from billing_core.stripe_gateway.fetched import FetchedObject, RawEvent
from webhook_listener import inbox
from webhook_listener.inbox import Audience, Delivery
from webhook_listener.receive import read_delivery

T = TypeVar("T")


class Write(Protocol):
    """Runs work in a durable transaction of the one writer and gives its answer."""

    def __call__(self, work: Callable[[Connection], T], /) -> T:
        """Run ``work``; its errors are raised here."""
        ...


@dataclass(frozen=True, slots=True)
class Inbound:
    """The way from Stripe's answers into the inbox: what may write, what may read, whose."""

    engine: Engine
    write: Write
    audience: Audience


def event_delivery(event: RawEvent, audience: Audience, *, now: datetime) -> Delivery:
    """A listed event as the webhook would have brought it. Raises RejectedError."""
    return read_delivery(event.body, audience, now=now.timestamp())


def snapshot_delivery(
    type_: str, fetched: FetchedObject, audience: Audience, *, now: datetime
) -> Delivery:
    """An object that Stripe was asked for, as an event created at Stripe's own time.

    ``type_`` is ``snapshot.`` and the kind of object. Raises RejectedError.
    """
    obj = orjson.loads(fetched.body)
    at = int(fetched.at.timestamp())
    event = {
        "id": f"snapshot_{fetched.object_id}_{at}",
        "object": "event",
        "type": type_,
        "api_version": None,
        "created": at,
        "livemode": obj.get("livemode") is True,
        "data": {"object": obj},
    }
    return read_delivery(orjson.dumps(event), audience, now=now.timestamp())


def put(connection: Connection, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
    """Store what the inbox does not have yet; those events' ids. Known events stay untouched."""
    known = inbox.known(connection, [delivery.event.event_id for delivery in deliveries])
    missing = [delivery for delivery in deliveries if delivery.event.event_id not in known]
    if missing:
        inbox.store(connection, missing)
    return tuple(delivery.event.event_id for delivery in missing)


def utc_now() -> datetime:
    """Our own clock; never compared with Stripe's to decide an order."""
    return datetime.now(UTC)
