"""Old events and their payloads removed; entitlements, their changes and the audit log stay.

Stripe may send an event again long after. What decides an object's row is therefore kept, so that a
repeat of what is gone is still found to be older than that.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, or_, select

from billing_core.facts import KNOWN_STATUSES
from billing_core.tables import Outcome
from webhook_listener.database import projecting_transaction
from webhook_listener.projection.families import CUSTOMERS, PRICES, PRODUCTS, SUBSCRIPTIONS, Family
from webhook_listener.tables import EVENTS, PAYLOADS

_CHUNK = 1_000
_SETTLED = (Outcome.APPLIED.value, Outcome.STALE.value, Outcome.IGNORED.value)


def prune(engine: Engine, *, before: datetime) -> Iterator[int]:
    """Remove settled events received before ``before``; yields how many went, a chunk at a time.

    Pending and parked events stay: they still have something to say. So do those of the last second
    of each object, and all of an object's where that second had several or its status is one that
    is not known. Where events of one second arrive before and after a run, what they follow from may
    be gone: the object is then in doubt, and Stripe is asked. Each chunk is a transaction of its own, so that a running listener is never held
    up for long.
    """
    columns = EVENTS.c
    removable = (
        select(columns.received_at, columns.event_id)
        .where(
            columns.received_at < before,
            columns.outcome.in_(_SETTLED),
            _decides_nothing(SUBSCRIPTIONS, SUBSCRIPTIONS.table.c.status.not_in(KNOWN_STATUSES)),
            _decides_nothing(CUSTOMERS),
            _decides_nothing(PRICES),
            _decides_nothing(PRODUCTS),
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
    family: Family[Any], *needs_its_history: ColumnElement[bool]
) -> ColumnElement[bool]:
    row = family.table.c
    deciding = select(row[family.key]).where(
        row[family.key] == EVENTS.c.object_id,
        or_(row.event_created == EVENTS.c.created, row.peers > 1, *needs_its_history),
    )
    return ~deciding.exists()
