"""Pending events projected in batches, and what becomes of one that fails."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, update

from billing_core.config import BillingConfig
from billing_core.link_results import WINDOW
from billing_core.tables import Outcome
from webhook_listener import rollups
from webhook_listener.database import (
    is_database_trouble,
    projecting_transaction,
    projection_round,
)
from webhook_listener.links import results
from webhook_listener.pending import Pending, bodies, counted_anew, oldest, pending_events
from webhook_listener.projection import PROJECTIONS, Plan, Projected, plan
from webhook_listener.row_sql import row_sql
from webhook_listener.tables import EVENTS

# A round reads and computes before it takes its turn to write; work by hand has the turn throughout.
ROUND = 640
BATCH = 256
MAX_ATTEMPTS = 8
_FIRST_RETRY = timedelta(seconds=2)
_ENDS_THE_PROCESS = "it ended the process that applies events"
_NO_PAYLOAD = "The event's payload is not in the database, so it cannot be applied."
_log = structlog.get_logger("webhook_listener.apply")


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
    *,
    now: datetime,
    only: Sequence[str] | None = None,
) -> Round:
    """Project the oldest pending events, or those of ``only`` that are pending.

    Raises database errors that concern all events; an event that fails on its own is retried
    later, and parked in the end.
    """
    pending: list[Pending] = []
    try:
        with projection_round(engine) as turn:
            connection = turn.connection
            if only is None:
                pending = oldest(connection, now, limit=ROUND)
            else:
                pending = pending_events(connection, only)
            if not pending:
                return Round((), full=False)
            planned = _plan(connection, config, pending, now)
            changed = turn.begin_writing()
            sure = counted_anew(connection, pending) if changed else pending
            planned.flush()
            applied = _record(connection, sure, planned, now)
    except Exception as error:
        if is_database_trouble(error) or not pending:
            raise
        _log.warning("batch.failed", events=len(pending), cause=describe(error))
        applied = _one_by_one(engine, config, pending, now)
    return Round(tuple(applied), full=len(pending) == ROUND)


def apply_carefully(engine: Engine, config: BillingConfig, *, now: datetime) -> Round:
    """Project the oldest pending events one by one, each try counted before it is made.

    For a process that follows one that died at this: the event that ends it has been counted as
    failed by then, so that it waits while the rest goes on. One that did so in its last try is
    parked.
    """
    with projecting_transaction(engine) as connection:
        pending = oldest(connection, now, limit=BATCH)
    applied: list[Applied] = []
    for row in pending:
        if row.attempts >= MAX_ATTEMPTS:
            applied += _park(engine, row, _ENDS_THE_PROCESS, now)
        else:
            _postpone(engine, replace(row, attempts=row.attempts + 1), _ENDS_THE_PROCESS, now)
            applied += _one_by_one(engine, config, [row], now)
    return Round(tuple(applied), full=len(pending) == BATCH)


def apply_everything(engine: Engine, config: BillingConfig) -> int:
    """Project until nothing waits that can be projected now; how many events that were."""
    count = 0
    while True:
        done = apply_round(engine, config, now=datetime.now(UTC))
        count += len(done.applied)
        if not done.full:
            return count


def project_pending(
    connection: Connection, config: BillingConfig, pending: Sequence[Pending], *, now: datetime
) -> list[Applied]:
    """Project these events and record their outcomes, in the caller's projecting transaction."""
    if not pending:
        return []
    planned = _plan(connection, config, pending, now)
    planned.flush()
    return _record(connection, pending, planned, now)


def _plan(
    connection: Connection, config: BillingConfig, pending: Sequence[Pending], now: datetime
) -> Plan:
    """What these events do to the rows; only those that do anything are read from the inbox."""
    events = bodies(connection, [row.event_id for row in pending if row.type in PROJECTIONS])
    readable = [events[row.event_id] for row in pending if row.event_id in events]
    customer_ids = {row.customer_id for row in pending if row.customer_id is not None}
    return plan(connection, readable, config, now=now, also_customers=customer_ids)


def describe(error: BaseException) -> str:
    """The error's kind and place; never its text, which may quote a customer's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    origin = getattr(error, "orig", None)
    kind = type(origin if origin is not None else error).__name__
    return f"{kind}{place}"


def _became(row: Pending, planned: Plan) -> Projected:
    """What became of an event that was not read, or could not be."""
    missing = row.type in PROJECTIONS
    return Projected(
        event_id=row.event_id,
        outcome=Outcome.PARKED if missing else Outcome.IGNORED,
        error=_NO_PAYLOAD if missing else None,
        customer_id=row.customer_id,
        org_id=None if missing else planned.org_of.get(row.customer_id or ""),
    )


_ONE_MORE_TRY = ", attempts = webhook_events.attempts + 1, next_attempt_at = NULL"


def _record(
    connection: Connection,
    pending: Sequence[Pending],
    planned: Plan,
    now: datetime,
) -> list[Applied]:
    projected = {one.event_id: one for one in planned.projected}
    outcomes, rows, counts, applied = [], [], [], []
    for row in sorted(pending, key=lambda row: row.event_id):
        one = projected.get(row.event_id) or _became(row, planned)
        outcomes.append(one)
        rows.append(
            {
                "event_id": row.event_id,
                "outcome": one.outcome.value,
                "error": one.error,
                "applied_at": _applied_at(row, one.outcome, now),
                "org_id": one.org_id,
            }
        )
        counts.append(_count(row, one.outcome, now))
        applied.append(_done(row, one.outcome, now))
    events = row_sql(EVENTS, connection.dialect.name)
    events.change(connection, rows, also=_ONE_MORE_TRY)
    events.change(connection, _understood_since(pending, projected))
    rollups.add(connection, counts)
    org_ids = {one.org_id for one in outcomes if one.org_id is not None}
    since = min((row.received_at for row in pending), default=now) - WINDOW
    results.keep(connection, org_ids, since=since)
    return applied


def _understood_since(
    pending: Sequence[Pending], projected: Mapping[str, Projected]
) -> list[dict[str, Any]]:
    """The customers of events in which none, or another, was seen when they were stored."""
    return [
        {"event_id": row.event_id, "customer_id": one.customer_id}
        for row in pending
        if (one := projected.get(row.event_id)) is not None
        and one.customer_id not in (None, row.customer_id)
    ]


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
    now: datetime,
) -> list[Applied]:
    """Each event in a transaction of its own, so that only the one at fault waits."""
    applied: list[Applied] = []
    for row in pending:
        try:
            with projecting_transaction(engine) as connection:
                still = pending_events(connection, [row.event_id])
                applied += project_pending(connection, config, still, now=now)
        except Exception as error:
            if is_database_trouble(error):
                raise
            applied += _failed(engine, row, describe(error), now)
    return applied


def _failed(engine: Engine, row: Pending, cause: str, now: datetime) -> list[Applied]:
    """What becomes of an event of which one more try has failed."""
    tried = replace(row, attempts=row.attempts + 1)
    if tried.attempts >= MAX_ATTEMPTS:
        return _park(engine, tried, cause, now)
    _log_failed(tried, cause, parked=False)
    _postpone(engine, tried, cause, now)
    return []


def _log_failed(row: Pending, cause: str, *, parked: bool) -> None:
    _log.error(
        "event.failed", event_id=row.event_id, attempts=row.attempts, cause=cause, parked=parked
    )


def _postpone(engine: Engine, row: Pending, cause: str, now: datetime) -> None:
    """Let it wait for its next try; after the last one there is none to wait for."""
    delay = _FIRST_RETRY * 2 ** (row.attempts - 1) if row.attempts < MAX_ATTEMPTS else timedelta()
    sentence = f"Applying the event failed ({cause}). It is kept and tried again by itself."
    with projecting_transaction(engine) as connection:
        _write(connection, row, Outcome.PENDING, sentence, now + delay)


def _park(engine: Engine, row: Pending, cause: str, now: datetime) -> list[Applied]:
    _log_failed(row, cause, parked=True)
    sentence = (
        f"Applying the event failed {row.attempts} times ({cause}). It is kept; replay it once the"
        " cause is gone."
    )
    with projecting_transaction(engine) as connection:
        if _write(connection, row, Outcome.PARKED, sentence, None):
            rollups.add(connection, [_count(row, Outcome.PARKED, now)])
    return [_done(row, Outcome.PARKED, now)]


def _write(
    connection: Connection, row: Pending, outcome: Outcome, error: str, next_at: datetime | None
) -> bool:
    """Write what became of a failed try; False where the event has its outcome already."""
    changed = connection.execute(
        update(EVENTS)
        .where(EVENTS.c.event_id == row.event_id, EVENTS.c.outcome == Outcome.PENDING.value)
        .values(outcome=outcome.value, error=error, attempts=row.attempts, next_attempt_at=next_at)
    )
    return changed.rowcount > 0
