"""Events that wait for their outcome, read from the inbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, text

from billing_core.stripe_gateway.envelope import InboxEvent, stored_event
from webhook_listener.row_sql import RowSql, row_sql
from webhook_listener.tables import EVENTS, PAYLOADS

# Said again as the partial index says it, because SQLite uses it only for the same words.
_WAITS = "outcome = 'pending' AND outcome IN ('pending', 'parked')"


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits for its outcome."""

    event_id: str
    type: str
    created: datetime
    received_at: datetime
    applied_at: datetime | None
    deliveries: int
    attempts: int
    api_version: str | None
    customer_id: str | None


_COLUMNS = tuple(Pending.__dataclass_fields__)
_LIST = ", ".join(_COLUMNS)


def oldest(connection: Connection, now: datetime, *, limit: int) -> list[Pending]:
    """The events that have waited longest for a first attempt, then those due for another."""
    fresh = _read(connection, "next_attempt_at IS NULL", (), limit)
    if len(fresh) == limit:
        return fresh
    sql = row_sql(EVENTS, connection.dialect.name)
    due = f"next_attempt_at <= {sql.mark}"
    return fresh + _read(connection, due, (sql.moment(now),), limit - len(fresh))


def pending_events(connection: Connection, event_ids: Sequence[str]) -> list[Pending]:
    """Those of these events that still wait, locked for the transaction."""
    sql = row_sql(EVENTS, connection.dialect.name)
    condition = f"event_id {sql.is_one_of}"
    return _read(connection, condition, (sql.as_list(event_ids),), len(event_ids))


def counted_anew(connection: Connection, pending: Sequence[Pending]) -> list[Pending]:
    """The same events with the deliveries that were counted meanwhile.

    Raises RuntimeError where one has its outcome: nobody but who projects may give it.
    """
    sql = row_sql(EVENTS, connection.dialect.name)
    found = connection.exec_driver_sql(
        f"SELECT event_id, deliveries FROM webhook_events WHERE {_WAITS}"  # noqa: S608 - our own names
        f" AND event_id {sql.is_one_of}",
        (sql.as_list([row.event_id for row in pending]),),
    )
    deliveries: dict[str, int] = {row[0]: row[1] for row in found}
    if len(deliveries) != len(pending):
        raise RuntimeError("an event was given its outcome beside the projection")
    return [
        row
        if row.deliveries == deliveries[row.event_id]
        else replace(row, deliveries=deliveries[row.event_id])
        for row in pending
    ]


def bodies(connection: Connection, event_ids: Sequence[str]) -> dict[str, InboxEvent]:
    """Stored events by id; one without a payload is absent.

    Raises what ``stored_event`` raises.
    """
    sql = row_sql(PAYLOADS, connection.dialect.name)
    rows = sql.select_by(connection, "event_id", event_ids) if event_ids else ()
    return {row["event_id"]: stored_event(row["event_id"], row["body"]) for row in rows}


def oldest_pending() -> Select[Any]:
    """When the event that has waited longest for its first attempt was received."""
    columns = EVENTS.c
    fresh = select(columns.received_at).where(text(_WAITS), columns.next_attempt_at.is_(None))
    return fresh.order_by(columns.next_attempt_at, columns.received_at).limit(1)


def _read(
    connection: Connection, condition: str, values: tuple[Any, ...], limit: int
) -> list[Pending]:
    sql = row_sql(EVENTS, connection.dialect.name)
    found = connection.exec_driver_sql(
        f"SELECT {_LIST} FROM webhook_events WHERE {_WAITS} AND {condition}"  # noqa: S608 - our own names
        # As the index has them, or PostgreSQL sorts all that waits for each round.
        f" ORDER BY next_attempt_at, received_at LIMIT {limit:d}{_lock(sql)}",
        values,
    )
    return [Pending(*row) for row in sql.decoded(_COLUMNS, found)]


def _lock(sql: RowSql) -> str:
    # Locked (PostgreSQL) so that `deliveries` stays until it is counted; a row that a repeat is
    # being counted on comes with the next round.
    return "" if sql.one_writer else " FOR UPDATE SKIP LOCKED"
