"""Every customer and every subscription read from Stripe, for a first import or a long gap.

Where it stands is kept with every page, so that a run that was killed goes on instead of anew.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import FetchedObject
from webhook_listener import state
from webhook_listener.database import reading_transaction
from webhook_listener.inbox import Delivery
from webhook_listener.missed.inbound import Inbound, put, snapshot_delivery, utc_now
from webhook_listener.missed.reconcile import backfilled
from webhook_listener.receive import RejectedError

STATE = "backfill"
_PAGE = 100
_STAGES = ("customers", "subscriptions")


@dataclass(frozen=True, slots=True)
class Progress:
    """One page more: the stage, and how many objects of it have been read, earlier runs too."""

    stage: str
    read: int


def backfill(inbound: Inbound, gateway: StripeGateway) -> Iterator[Progress]:
    """Read on from where the last run stopped, or from the start after a finished one.

    Raises BillingError where Stripe does not answer; run it again to go on.
    """
    with reading_transaction(inbound.engine) as connection:
        kept = state.read(connection, STATE)
    stage = kept.get("stage", _STAGES[0])
    for name in _STAGES[_STAGES.index(stage) :]:
        resumed = name == stage
        after = kept.get("after") if resumed else None
        read = kept.get("read", 0) if resumed else 0
        listed = _list(gateway, name, after)
        while page := list(islice(listed, _PAGE)):
            read += len(page)
            inbound.write(_store(inbound, name, page, read))
            yield Progress(name, read)
    inbound.write(_finish)


def _finish(connection: Connection) -> None:
    now = utc_now()
    state.keep(connection, STATE, {"finished_at": now.isoformat()}, now=now)
    backfilled(connection, now=now)


def _list(gateway: StripeGateway, stage: str, after: str | None) -> Iterator[FetchedObject]:
    if stage == "customers":
        return gateway.list_customers(starting_after=after)
    return gateway.list_subscriptions(starting_after=after)


def _store(
    inbound: Inbound, stage: str, page: list[FetchedObject], read: int
) -> Callable[[Connection], None]:
    type_ = "snapshot.customer" if stage == "customers" else "snapshot.subscription"
    deliveries = _readable(type_, page, inbound)
    here = {"stage": stage, "after": page[-1].object_id, "read": read}

    def store(connection: Connection) -> None:
        put(connection, deliveries)
        state.keep(connection, STATE, here, now=utc_now())

    return store


def _readable(type_: str, page: list[FetchedObject], inbound: Inbound) -> list[Delivery]:
    deliveries = []
    for fetched in page:
        try:
            deliveries.append(snapshot_delivery(type_, fetched, inbound.audience, now=utc_now()))
        except RejectedError:
            continue  # an object without an id is nothing that could be kept
    return deliveries
