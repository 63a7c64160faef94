"""What the roll-ups have to say, counted from the inbox itself, row by row."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select

from billing_core.lags import bucket_of, legs_of
from webhook_listener.tables import EVENTS, LAGS, ROLLUPS, VERSIONS

Counted = dict[str, dict[tuple[Any, ...], Any]]


def kept(engine: Engine) -> Counted:
    """The roll-ups as they stand, without rows that count nothing."""
    found: Counted = {}
    with engine.connect() as connection:
        for table in (ROLLUPS, LAGS, VERSIONS):
            keys = [column.name for column in table.primary_key.columns]
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            found[table.name] = {
                tuple(row[key] for key in keys): {
                    name: value for name, value in row.items() if name not in keys
                }
                for row in rows
                if row["events"]
            }
    return found


def counted(engine: Engine) -> Counted:
    """The same, from the events that have an outcome."""
    events: Counter[tuple[Any, ...]] = Counter()
    deliveries: Counter[tuple[Any, ...]] = Counter()
    lags: Counter[tuple[Any, ...]] = Counter()
    versions: Counter[tuple[Any, ...]] = Counter()
    with engine.connect() as connection:
        for row in connection.execute(select(EVENTS)).mappings():
            if row["outcome"] == "pending":
                continue
            at: datetime = row["received_at"]
            hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            events[hour, row["type"], row["outcome"]] += 1
            deliveries[hour, row["type"], row["outcome"]] += row["deliveries"]
            legs = legs_of(row["type"], row["created"], at, row["applied_at"])
            for leg, milliseconds in legs.items():
                lags[hour, leg.value, bucket_of(milliseconds)] += 1
            if row["api_version"] is not None:
                versions[hour, row["api_version"]] += 1
    return {
        "event_rollups": {
            key: {"events": number, "deliveries": deliveries[key]} for key, number in events.items()
        },
        "event_lags": {key: {"events": number} for key, number in lags.items()},
        "event_versions": {key: {"events": number} for key, number in versions.items()},
    }
