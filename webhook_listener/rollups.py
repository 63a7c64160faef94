"""Events counted by the hour they arrived in: by type and outcome, by lag, by API version.

An event is counted once it has an outcome, and taken away again when it is opened anew, so that
charts read few rows and those agree with the inbox at any moment.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table

from billing_core.lags import Leg, bucket_of, legs_of
from webhook_listener.row_sql import row_sql
from webhook_listener.tables import LAGS, ROLLUPS, VERSIONS

_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """What one event adds to its rows; negative numbers take it away again.

    ``lags_ms`` are from Stripe's ``created`` to receipt and from receipt to the outcome. A repeat
    has no events, only deliveries, and counts for neither lag nor version.
    """

    received_at: datetime
    type: str
    outcome: str
    events: int = 1
    deliveries: int = 1
    lags_ms: dict[Leg, int] = field(default_factory=dict)
    api_version: str | None = None


def add(connection: Connection, counts: Iterable[Count]) -> None:
    """Add the counts to the roll-ups, always in the same order, so that no two writers deadlock."""
    outcomes: dict[_Key, dict[str, int]] = {}
    lags: Counter[_Key] = Counter()
    versions: Counter[_Key] = Counter()
    for count in counts:
        hour = count.received_at.replace(minute=0, second=0, microsecond=0)
        key = (hour, count.type, count.outcome)
        total = outcomes.setdefault(key, {"events": 0, "deliveries": 0})
        total["events"] += count.events
        total["deliveries"] += count.deliveries
        for leg, milliseconds in count.lags_ms.items():
            lags[hour, leg.value, bucket_of(milliseconds)] += count.events
        if count.api_version is not None:
            versions[hour, count.api_version] += count.events
    _upsert(connection, ROLLUPS, outcomes)
    _upsert(connection, LAGS, {key: {"events": each} for key, each in lags.items() if each})
    _upsert(connection, VERSIONS, {key: {"events": each} for key, each in versions.items() if each})


def of_event(
    *,
    type_: str,
    outcome: str,
    created: datetime,
    received_at: datetime,
    applied_at: datetime | None,
    deliveries: int,
    api_version: str | None,
    sign: int = 1,
) -> Count:
    """What an event with its outcome adds; with ``sign`` -1, what it takes away again."""
    return Count(
        received_at,
        type_,
        outcome,
        events=sign,
        deliveries=sign * deliveries,
        lags_ms=legs_of(type_, created, received_at, applied_at),
        api_version=api_version,
    )


def _upsert(connection: Connection, table: Table, sums: dict[_Key, dict[str, int]]) -> None:
    if not sums:
        return
    keys = table.primary_key.columns.keys()
    added = [
        f"{name} = {table.name}.{name} + excluded.{name}" for name in next(iter(sums.values()))
    ]
    rows = [{**dict(zip(keys, key, strict=True)), **sums[key]} for key in sorted(sums)]
    row_sql(table, connection.dialect.name).insert(
        connection,
        rows,
        then=f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(added)}",
    )
