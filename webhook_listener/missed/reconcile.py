"""Stripe's list of events walked since the last one seen; what is missing goes into the inbox.

The list is eventually consistent, so every walk goes back a little further than the one before
ended (https://github.com/estuary/connectors/issues/2731 shows what happens otherwise).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Connection, select

from billing_core.errors import BillingError
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import RawEvent
from webhook_listener import state
from webhook_listener.database import reading_transaction
from webhook_listener.inbox import Delivery
from webhook_listener.missed.inbound import Inbound, event_delivery, put, utc_now
from webhook_listener.projection import PROJECTIONS
from webhook_listener.receive import RejectedError
from webhook_listener.tables import EVENTS

STATE = "reconcile"
BEGUN = "reconcile_begun"
OVERLAP = timedelta(minutes=30)
RETENTION = timedelta(days=30)  # https://docs.stripe.com/api/events
_FIRST_WALK = timedelta(days=1)
_PAGE = 100
_NEWEST = 5
_KEPT = 50
_NAMED = 20
# Stripe takes twenty types; a plan's events come beside its price's.
TYPES = tuple(sorted(name for name in PROJECTIONS if not name.startswith(("plan.", "snapshot."))))[
    :20
]
_log = structlog.get_logger("webhook_listener.reconcile")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a walk found: events looked at since ``since``, and how many of them were missing.

    ``beyond_retention`` is True where Stripe keeps no events of the whole time any more, until a
    backfill has made up for it.
    """

    since: datetime
    looked_at: int
    missing: int
    beyond_retention: bool


def reconcile(inbound: Inbound, gateway: StripeGateway) -> Reconciled:
    """Walk once. What was found stays in the inbox even if the walk ends halfway.

    Raises BillingError where Stripe does not answer; the next walk starts where this one did.
    """
    since = _since(inbound)
    seen_until = since + OVERLAP
    looked_at = 0
    found: list[str] = []
    try:
        for page in _pages(gateway.list_events(created_gte=since, types=TYPES)):
            seen_until = max(seen_until, *(event.created for event in page))
            deliveries = _readable(page, inbound)
            found += inbound.write(lambda connection, d=deliveries: put(connection, d))  # type: ignore[misc]
            looked_at += len(page)
    except BillingError as error:
        _remember(inbound, since, looked_at, found, error=error.message)
        raise
    with reading_transaction(inbound.engine) as connection:
        owed = bool(state.read(connection, STATE).get("beyond_retention"))
    beyond = owed or utc_now() - since > RETENTION
    _remember(inbound, since, looked_at, found, seen_until=seen_until, beyond=beyond)
    _log.info("reconciled", looked_at=looked_at, missing=len(found), beyond_retention=beyond)
    return Reconciled(since, looked_at, len(found), beyond)


def _since(inbound: Inbound) -> datetime:
    """Where to walk from. A first start is kept, as what that walk finds moves the newest event."""
    with reading_transaction(inbound.engine) as connection:
        seen_until = state.read(connection, STATE).get("seen_until")
        begun = state.read(connection, BEGUN).get("since")
        if seen_until is not None:
            return datetime.fromisoformat(seen_until) - OVERLAP
        if begun is not None:
            return datetime.fromisoformat(begun)
        columns = EVENTS.c
        # When we last heard from Stripe, not how old that was: a history that is only now being
        # delivered is no time in which nobody listened.
        heard = (
            select(columns.received_at)
            .where(columns.type.in_(TYPES))
            .order_by(columns.received_at.desc())
        )
        newest = connection.execute(heard.limit(1)).scalar()
    since: datetime = (newest if newest is not None else utc_now()) - _FIRST_WALK
    start = {"since": since.isoformat()}
    inbound.write(lambda connection: state.keep(connection, BEGUN, start, now=utc_now()))
    return since


def backfilled(connection: Connection, *, now: datetime) -> None:
    """Keep that what Stripe's list of events no longer has was read from the objects themselves."""
    value = {**state.read(connection, STATE), "beyond_retention": False}
    state.keep(connection, STATE, value, now=now)


def _pages(events: Iterator[RawEvent]) -> Iterator[list[RawEvent]]:
    while page := list(islice(events, _PAGE)):
        yield page


def _readable(page: list[RawEvent], inbound: Inbound) -> list[Delivery]:
    deliveries = []
    for event in page:
        try:
            deliveries.append(event_delivery(event, inbound.audience, now=utc_now()))
        except RejectedError:
            _log.warning("event.unreadable", event_id=event.event_id)
    return deliveries


def _remember(
    inbound: Inbound,
    since: datetime,
    looked_at: int,
    found: list[str],
    *,
    seen_until: datetime | None = None,
    beyond: bool = False,
    error: str | None = None,
) -> None:
    now = utc_now()
    run = {
        "ran_at": now.isoformat(),
        "since": since.isoformat(),
        "looked_at": looked_at,
        "missing": len(found),
        "events": found[:_NAMED],
        "error": error,
    }

    def keep(connection: Connection) -> None:
        before = state.read(connection, STATE)
        value = {
            **before,
            "ran_at": now.isoformat(),
            "error": error,
            "missing_ever": before.get("missing_ever", 0) + len(found),
            "runs": _worth_keeping(
                [{**run, "first": "seen_until" not in before}, *before.get("runs", [])]
            ),
        }
        if seen_until is not None:
            value |= {
                "done_at": now.isoformat(),
                "seen_until": seen_until.isoformat(),
                "looked_at": looked_at,
                "missing": len(found),
                "beyond_retention": beyond,
            }
        state.keep(connection, STATE, value, now=now)

    inbound.write(keep)


def _worth_keeping(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest runs, and of the older ones those that found something or failed."""
    telling = [run for run in runs[_NEWEST:] if run["missing"] or run["error"]]
    return (runs[:_NEWEST] + telling)[:_KEPT]
