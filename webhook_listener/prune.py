"""Old events and their payloads removed; entitlements, their changes and the audit log stay."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Engine, delete, select

from billing_core.tables import Outcome
from webhook_listener.database import durable_transaction
from webhook_listener.tables import EVENTS, PAYLOADS

_CHUNK = 1_000
_SETTLED = (Outcome.APPLIED.value, Outcome.STALE.value, Outcome.IGNORED.value)


def prune(engine: Engine, *, before: datetime) -> Iterator[int]:
    """Remove settled events received before ``before``; yields how many went, a chunk at a time.

    Pending and parked events stay: they still have something to say. Each chunk is a transaction
    of its own, so that a running listener is never held up for long.
    """
    columns = EVENTS.c
    oldest = (
        select(columns.event_id)
        .where(columns.received_at < before, columns.outcome.in_(_SETTLED))
        .order_by(columns.received_at)
        .limit(_CHUNK)
    )
    while True:
        with durable_transaction(engine) as connection:
            gone = sorted(connection.execute(oldest).scalars())
            connection.execute(delete(EVENTS).where(columns.event_id.in_(gone)))
            connection.execute(delete(PAYLOADS).where(PAYLOADS.c.event_id.in_(gone)))
        if not gone:
            return
        yield len(gone)
