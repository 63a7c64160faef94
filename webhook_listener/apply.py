"""Pending events projected in batches, and what becomes of one that fails."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Select, bindparam, func, select, text, update

from billing_core.config import BillingConfig
from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.tables import Outcome
from webhook_listener import inbox, rollups
from webhook_listener.database import (
    derived_transaction,
    is_database_trouble,
    lock_projection,
)
from webhook_listener.projection import Projected, project
from webhook_listener.tables import EVENTS

BATCH = 256
MAX_ATTEMPTS = 8
_FIRST_RETRY = timedelta(seconds=2)
_PENDING = text("webhook_events.outcome = 'pending'")
# Said again as the partial index says it, because SQLite uses it only for the same words.
_OPEN = text("webhook_events.outcome IN ('pending', 'parked')")
_log = structlog.get_logger("webhook_listener.apply")


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


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that has its outcome, and how long its way here and that took."""

    event_id: str
    type: str
    outcome: Outcome
    created: datetime
    lag_seconds: float
    receive_lag_seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """One batch: what was applied, and whether more may wait."""

    applied: tuple[Applied, ...]
    full: bool


def apply_round(
    engine: Engine,
    config: BillingConfig,
    parsed: Mapping[str, InboxEvent],
    *,
    now: datetime,
    only: Sequence[str] | None = None,
) -> Round:
    """Project the oldest pending events, or those of ``only`` that are pending.

    ``parsed`` holds events that need not be read back. Raises database errors that concern all
    events; an event that fails on its own is retried later, and parked in the end.
    """
    pending: list[Pending] = []
    try:
        with derived_transaction(engine) as connection:
            lock_projection(connection)
            pending = _oldest(connection, now) if only is None else pending_events(connection, only)
            applied = project_pending(connection, config, pending, parsed, now=now)
    except Exception as error:
        if is_database_trouble(error) or not pending:
            raise
        _log.warning("batch.failed", events=len(pending), cause=describe(error))
        applied = _one_by_one(engine, config, pending, parsed, now)
    return Round(tuple(applied), full=len(pending) == BATCH)


def apply_everything(engine: Engine, config: BillingConfig) -> int:
    """Project until nothing waits that can be projected now; how many events that were."""
    count = 0
    while True:
        done = apply_round(engine, config, {}, now=datetime.now(UTC))
        count += len(done.applied)
        if not done.full:
            return count


def project_pending(
    connection: Connection,
    config: BillingConfig,
    pending: Sequence[Pending],
    parsed: Mapping[str, InboxEvent],
    *,
    now: datetime,
) -> list[Applied]:
    """Project these events and record their outcomes, in the caller's transaction."""
    if not pending:
        return []
    missing = [row.event_id for row in pending if row.event_id not in parsed]
    events = {**parsed, **inbox.load(connection, missing)} if missing else parsed
    readable = [events[row.event_id] for row in pending if row.event_id in events]
    projected = {one.event_id: one for one in project(connection, readable, config, now=now)}
    for row in pending:
        if row.event_id not in events:
            projected[row.event_id] = _without_payload(row.event_id)
    return _record(connection, pending, projected, now)


def pending_events(connection: Connection, event_ids: Sequence[str]) -> list[Pending]:
    """Those of these events that still wait, oldest first, locked for the transaction."""
    return _read(connection, _select_pending().where(EVENTS.c.event_id.in_(event_ids)))


def oldest_pending() -> Select[Any]:
    """When the event that has waited longest for its first attempt was received."""
    columns = EVENTS.c
    fresh = select(columns.received_at).where(_PENDING, _OPEN, columns.next_attempt_at.is_(None))
    return fresh.order_by(columns.received_at).limit(1)


def describe(error: BaseException) -> str:
    """The error's kind and place; never its text, which may quote a customer's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    origin = getattr(error, "orig", None)
    kind = type(origin if origin is not None else error).__name__
    return f"{kind}{place}"


def _select_pending() -> Select[Any]:
    columns = EVENTS.c
    statement = select(
        columns.event_id,
        columns.type,
        columns.created,
        columns.received_at,
        columns.applied_at,
        columns.deliveries,
        columns.attempts,
        columns.api_version,
    )
    return statement.where(_PENDING, _OPEN).order_by(columns.received_at, columns.event_id)


def _oldest(connection: Connection, now: datetime) -> list[Pending]:
    waiting = EVENTS.c.next_attempt_at
    fresh = _read(connection, _select_pending().where(waiting.is_(None)).limit(BATCH))
    if len(fresh) == BATCH:
        return fresh
    due = _select_pending().where(waiting <= now).limit(BATCH - len(fresh))
    return fresh + _read(connection, due)


def _read(connection: Connection, statement: Select[Any]) -> list[Pending]:
    # Locked (PostgreSQL; SQLite has one writer) so that `deliveries` stays until it is counted;
    # a row that a repeat is being counted on comes with the next round.
    locked = statement.with_for_update(skip_locked=True)
    return [Pending(*row) for row in connection.execute(locked)]


def _without_payload(event_id: str) -> Projected:
    return Projected(
        event_id=event_id,
        outcome=Outcome.PARKED,
        error="The event's payload is not in the database, so it cannot be applied.",
        customer_id=None,
        org_id=None,
    )


_RECORD = (
    update(EVENTS)
    .where(EVENTS.c.event_id == bindparam("of_event"))
    .values(
        outcome=bindparam("outcome"),
        error=bindparam("error"),
        applied_at=bindparam("applied_at"),
        org_id=bindparam("org_id"),
        customer_id=func.coalesce(bindparam("customer_id"), EVENTS.c.customer_id),
        attempts=EVENTS.c.attempts + 1,
        next_attempt_at=None,
    )
)


def _record(
    connection: Connection,
    pending: Sequence[Pending],
    projected: Mapping[str, Projected],
    now: datetime,
) -> list[Applied]:
    rows = []
    counts = []
    applied = []
    for row in sorted(pending, key=lambda row: row.event_id):
        one = projected[row.event_id]
        rows.append(
            {
                "of_event": row.event_id,
                "outcome": one.outcome.value,
                "error": one.error,
                "applied_at": _applied_at(row, one.outcome, now),
                "org_id": one.org_id,
                "customer_id": one.customer_id,
            }
        )
        counts.append(_count(row, one.outcome, now))
        applied.append(_done(row, one.outcome, now))
    connection.execute(_RECORD, rows)
    rollups.add(connection, counts)
    return applied


def _applied_at(row: Pending, outcome: Outcome, now: datetime) -> datetime | None:
    """When the event was first applied, so that a replay does not look like a lag."""
    return row.applied_at if outcome is Outcome.PARKED else row.applied_at or now


def _count(row: Pending, outcome: Outcome, now: datetime) -> rollups.Count:
    return rollups.of_event(
        type_=row.type,
        outcome=outcome.value,
        created=row.created,
        received_at=row.received_at,
        applied_at=_applied_at(row, outcome, now),
        deliveries=row.deliveries,
        api_version=row.api_version,
    )


def _done(row: Pending, outcome: Outcome, now: datetime) -> Applied:
    applied_at = _applied_at(row, outcome, now) or now
    lag = max(0.0, (applied_at - row.received_at).total_seconds())
    way = max(0.0, (row.received_at - row.created).total_seconds())
    return Applied(row.event_id, row.type, outcome, row.created, lag, way)


def _one_by_one(
    engine: Engine,
    config: BillingConfig,
    pending: Sequence[Pending],
    parsed: Mapping[str, InboxEvent],
    now: datetime,
) -> list[Applied]:
    """Each event in a transaction of its own, so that only the one at fault waits."""
    applied: list[Applied] = []
    for row in pending:
        try:
            with derived_transaction(engine) as connection:
                lock_projection(connection)
                still = pending_events(connection, [row.event_id])
                applied += project_pending(connection, config, still, parsed, now=now)
        except Exception as error:
            if is_database_trouble(error):
                raise
            applied += _postpone(engine, row, error, now)
    return applied


def _postpone(engine: Engine, row: Pending, error: Exception, now: datetime) -> list[Applied]:
    attempts = row.attempts + 1
    cause = describe(error)
    last = attempts >= MAX_ATTEMPTS
    delay = _FIRST_RETRY * 2 ** (attempts - 1)
    _log.error("event.failed", event_id=row.event_id, attempts=attempts, cause=cause, parked=last)
    sentence = (
        f"Applying the event failed {attempts} times ({cause}). It is kept; replay it once the"
        " cause is gone."
        if last
        else f"Applying the event failed ({cause}). It is kept and tried again by itself."
    )
    outcome = Outcome.PARKED if last else Outcome.PENDING
    with derived_transaction(engine) as connection:
        changed = connection.execute(
            update(EVENTS)
            .where(EVENTS.c.event_id == row.event_id, EVENTS.c.outcome == Outcome.PENDING.value)
            .values(
                outcome=outcome.value,
                error=sentence,
                attempts=attempts,
                next_attempt_at=None if last else now + delay,
            )
        )
        if last and changed.rowcount:
            rollups.add(connection, [_count(row, outcome, now)])
    return [_done(row, outcome, now)] if last else []
