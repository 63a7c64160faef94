"""Events counted by the hour they arrived in, their type and their outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from webhook_listener.tables import ROLLUPS
from webhook_listener.upsert import insert


@dataclass(frozen=True, slots=True)
class Count:
    """What one event adds to its row; negative numbers take it away again.

    ``receive_lag_ms`` is from Stripe's ``created`` to receipt, ``apply_lag_ms`` from receipt to
    the outcome.
    """

    received_at: datetime
    type: str
    outcome: str
    events: int = 1
    deliveries: int = 1
    receive_lag_ms: int = 0
    apply_lag_ms: int = 0


def add(connection: Connection, counts: Iterable[Count]) -> None:
    """Add the counts to the roll-ups, always in the same order, so that no two writers deadlock."""
    sums: dict[tuple[datetime, str, str], list[int]] = {}
    for count in counts:
        hour = count.received_at.replace(minute=0, second=0, microsecond=0)
        total = sums.setdefault((hour, count.type, count.outcome), [0, 0, 0, 0])
        total[0] += count.events
        total[1] += count.deliveries
        total[2] += count.receive_lag_ms
        total[3] += count.apply_lag_ms
    if not sums:
        return
    statement = insert(connection, ROLLUPS)
    columns = ("events", "deliveries", "receive_lag_ms", "apply_lag_ms")
    statement = statement.on_conflict_do_update(
        index_elements=["hour", "type", "outcome"],
        set_={name: ROLLUPS.c[name] + statement.excluded[name] for name in columns},
    )
    rows = [
        {"hour": hour, "type": kind, "outcome": outcome, **dict(zip(columns, total, strict=True))}
        for (hour, kind, outcome), total in sorted(sums.items())
    ]
    connection.execute(statement, rows)


def of_event(
    *,
    type_: str,
    outcome: str,
    created: datetime,
    received_at: datetime,
    applied_at: datetime | None,
    deliveries: int,
    sign: int = 1,
) -> Count:
    """What an event with its outcome adds; with ``sign`` -1, what it takes away again."""
    applied_after = _milliseconds(received_at, applied_at) if applied_at is not None else 0
    return Count(
        received_at,
        type_,
        outcome,
        events=sign,
        deliveries=sign * deliveries,
        receive_lag_ms=sign * _milliseconds(created, received_at),
        apply_lag_ms=sign * applied_after,
    )


def _milliseconds(start: datetime, end: datetime) -> int:
    """Whole milliseconds from ``start`` to ``end``, never below zero: clocks differ."""
    return max(0, int((end - start).total_seconds() * 1000))
