"""Events put through projection once more, whatever became of them before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, select, text, update

from billing_core.config import BillingConfig
from billing_core.tables import Outcome
from webhook_listener import rollups
from webhook_listener.apply import BATCH, apply_round, project_pending
from webhook_listener.database import durable_transaction, projecting_transaction
from webhook_listener.inbox import Audience
from webhook_listener.pending import pending_events
from webhook_listener.tables import EVENTS

Row = Mapping[str, Any]
_PARKED = text("webhook_events.outcome = 'parked'")
# Said again as the partial index says it, because SQLite uses it only for the same words.
_OPEN = text("webhook_events.outcome IN ('pending', 'parked')")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One event's outcome before and after, and the sentence that explains the one after."""

    event_id: str
    type: str
    before: str
    after: str
    error: str | None


def parked(connection: Connection) -> list[str]:
    """Every parked event, oldest first."""
    return list(connection.execute(parked_ids()).scalars())


def parked_ids() -> Select[Any]:
    """Selects the ids of what is parked, oldest first, in the words that the index understands."""
    columns = EVENTS.c
    parked = select(columns.event_id).where(_PARKED, _OPEN)
    return parked.order_by(columns.received_at, columns.event_id)


def received_since(connection: Connection, since: datetime) -> list[str]:
    """Every event received at or after ``since``, oldest first."""
    return _ids(connection, EVENTS.c.received_at >= since)


def replay(
    engine: Engine,
    config: BillingConfig,
    audience: Audience,
    event_ids: Sequence[str],
    *,
    now: datetime,
    dry_run: bool = False,
) -> Iterator[Replayed]:
    """Apply these events again, in batches, and tell what became of each.

    With ``dry_run`` everything is rolled back. Raises database errors; the batches before stand.
    """
    for start in range(0, len(event_ids), BATCH):
        chunk = event_ids[start : start + BATCH]
        if dry_run:
            yield from _trial(engine, config, audience, chunk, now)
            continue
        with durable_transaction(engine) as connection:
            before = reopen(connection, audience, chunk)
        apply_round(engine, config, now=now, only=chunk)
        with durable_transaction(engine) as connection:
            told = conclude(connection, before)
        yield from told


def _trial(
    engine: Engine,
    config: BillingConfig,
    audience: Audience,
    event_ids: Sequence[str],
    now: datetime,
) -> list[Replayed]:
    with projecting_transaction(engine) as connection:
        before = reopen(connection, audience, event_ids)
        project_pending(connection, config, pending_events(connection, event_ids), now=now)
        told = conclude(connection, before)
        connection.get_transaction().rollback()  # type: ignore[union-attr]
    return told


def reopen(connection: Connection, audience: Audience, event_ids: Sequence[str]) -> list[Row]:
    """Make the events pending again; those that are not ours stay as they are.

    Returns the rows as they were; hand them to ``conclude`` once the events have been projected.
    """
    columns = EVENTS.c
    chosen = select(EVENTS).where(columns.event_id.in_(event_ids)).order_by(columns.event_id)
    rows: list[Row] = [dict(row) for row in connection.execute(chosen.with_for_update()).mappings()]
    ours = [
        row
        for row in rows
        if not audience.reason_to_ignore(livemode=row["livemode"], account=row["account"])
    ]
    decided = [row for row in ours if row["outcome"] != Outcome.PENDING]
    rollups.add(connection, [count_of(row, sign=-1) for row in decided])
    connection.execute(
        update(EVENTS)
        .where(columns.event_id.in_([row["event_id"] for row in ours]))
        .values(outcome=Outcome.PENDING.value, error=None, attempts=0, next_attempt_at=None)
    )
    return rows


def conclude(connection: Connection, before: Sequence[Row]) -> list[Replayed]:
    """What became of the events that ``reopen`` opened, in the caller's transaction."""
    _keep_applied(connection, before)
    return _told(connection, before)


def _keep_applied(connection: Connection, before: Sequence[Row]) -> None:
    """An event that was applied in its time stays so, though by now it is older than its rows."""
    applied = [row["event_id"] for row in before if row["outcome"] == Outcome.APPLIED]
    columns = EVENTS.c
    stale = select(EVENTS).where(
        columns.event_id.in_(applied), columns.outcome == Outcome.STALE.value
    )
    stale = stale.order_by(columns.event_id).with_for_update()
    rows: list[Row] = [dict(row) for row in connection.execute(stale).mappings()]
    connection.execute(
        update(EVENTS)
        .where(columns.event_id.in_([row["event_id"] for row in rows]))
        .values(outcome=Outcome.APPLIED.value)
    )
    moved = [{**row, "outcome": Outcome.APPLIED.value} for row in rows]
    rollups.add(
        connection,
        [count_of(row, sign=-1) for row in rows] + [count_of(row, sign=1) for row in moved],
    )


def count_of(row: Row, *, sign: int) -> rollups.Count:
    """What a row of the inbox with an outcome counts for; with ``sign`` -1, no longer."""
    return rollups.of_event(
        type_=row["type"],
        outcome=row["outcome"],
        created=row["created"],
        received_at=row["received_at"],
        applied_at=row["applied_at"],
        deliveries=row["deliveries"],
        api_version=row["api_version"],
        sign=sign,
    )


def _told(connection: Connection, before: Sequence[Row]) -> list[Replayed]:
    columns = EVENTS.c
    rows = connection.execute(
        select(columns.event_id, columns.outcome, columns.error).where(
            columns.event_id.in_([row["event_id"] for row in before])
        )
    )
    after = {row.event_id: row for row in rows}
    return [
        Replayed(
            old["event_id"],
            old["type"],
            old["outcome"],
            after[old["event_id"]].outcome,
            after[old["event_id"]].error,
        )
        for old in sorted(before, key=lambda old: (old["received_at"], old["event_id"]))
    ]


def _ids(connection: Connection, condition: Any) -> list[str]:  # noqa: ANN401 - an SQL condition
    statement = select(EVENTS.c.event_id).where(condition)
    rows = connection.execute(statement.order_by(EVENTS.c.received_at, EVENTS.c.event_id))
    return list(rows.scalars())
