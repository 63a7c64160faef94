"""Old events and their payloads removed; entitlements, their changes and the audit log stay.

Stripe may send an event again long after. What decides an object's row is therefore kept, so that a
repeat of what is gone is still found to be older than that.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, delete, func, or_, select

from billing_core.facts import KNOWN_STATUSES
from billing_core.tables import Outcome
from webhook_listener.database import projecting_transaction
from webhook_listener.projection.families import CUSTOMERS, PRICES, PRODUCTS, SUBSCRIPTIONS, Family
from webhook_listener.tables import EVENTS, PAYLOADS

_CHUNK = 1_000
_SETTLED = (Outcome.APPLIED.value, Outcome.STALE.value, Outcome.IGNORED.value)
_STRIPE_STILL_SENDS = timedelta(days=31)
"""Stripe lists and sends again what is at most 30 days old (docs.stripe.com/api/events)."""


def prune(engine: Engine, *, before: datetime, now: datetime) -> Iterator[int]:
    """Remove settled events received before ``before``; yields how many went, a chunk at a time.

    Pending and parked events stay: they still have something to say. So do those of the last second
    of each object, and all of an object's where that second had several or its status is one that
    is not known. As long as Stripe may still send another event of that second, which may have
    undone what the first one did, what the second follows from stays as well. Each chunk is a
    transaction of its own, so that a running listener is never held up for long.
    """
    columns = EVENTS.c
    removable = (
        select(columns.received_at, columns.event_id)
        .where(
            columns.received_at < before,
            columns.outcome.in_(_SETTLED),
            _decides_nothing(
                SUBSCRIPTIONS, now, SUBSCRIPTIONS.table.c.status.not_in(KNOWN_STATUSES)
            ),
            *(_decides_nothing(family, now) for family in (CUSTOMERS, PRICES, PRODUCTS)),
        )
        .order_by(columns.received_at, columns.event_id)
        .limit(_CHUNK)
    )
    chunk = removable
    while True:
        with projecting_transaction(engine, durable=True) as connection:
            found = connection.execute(chunk).all()
            gone = sorted(row.event_id for row in found)
            connection.execute(delete(EVENTS).where(columns.event_id.in_(gone)))
            connection.execute(delete(PAYLOADS).where(PAYLOADS.c.event_id.in_(gone)))
        if not found:
            return
        yield len(found)
        # What was kept is not looked at again.
        chunk = removable.where(columns.received_at >= found[-1].received_at)


def _decides_nothing(
    family: Family[Any], now: datetime, *needs_its_history: ColumnElement[bool]
) -> ColumnElement[bool]:
    row = family.table.c
    may_get_company = and_(
        row.event_created >= now - _STRIPE_STILL_SENDS, _is_followed_from(family)
    )
    deciding = select(row[family.key]).where(
        row[family.key] == EVENTS.c.object_id,
        or_(
            row.event_created == EVENTS.c.created,
            row.peers > 1,
            may_get_company,
            *needs_its_history,
        ),
    )
    return ~deciding.exists()


def _is_followed_from(family: Family[Any]) -> ColumnElement[bool]:
    """No second between this event's and the object's last was settled by having one event only."""
    between = EVENTS.alias()
    settled = (
        select(between.c.created)
        .where(
            between.c.object_id == EVENTS.c.object_id,
            between.c.type.in_(list(family.types)),
            between.c.outcome != Outcome.IGNORED.value,
            between.c.created > EVENTS.c.created,
            between.c.created < family.table.c.event_created,
        )
        .group_by(between.c.created)
        .having(func.count() == 1)
    )
    return ~settled.exists()
