"""Lags, volume and versions over time, read from the roll-ups that the listener keeps.

These count by the hour. A longer time is told in spans of several hours, whole ones in UTC, added
up by the database: a month by the hour is more than a chart shows and a page draws in time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    cast,
    extract,
    func,
    literal,
    select,
)

from billing_core.lags import Leg, percentiles
from billing_core.queries.tables import LAGS, ROLLUPS, VERSIONS, fetch
from billing_core.rows import LagHour, OutcomeHour, Percentiles, TypeVolume, VersionVolume

_TYPES = 200
_HOUR = 3_600  # seconds


@dataclass(frozen=True, slots=True)
class HourOfLags:
    """The histograms of the events that arrived within one hour, or span of hours, from ``hour`` on."""

    hour: datetime
    legs: dict[str, Counter[int]] = field(default_factory=dict)


def floor(at: datetime, hours: int = 1) -> datetime:
    """The beginning of the hour, or span of so many hours, that ``at`` is in."""
    return begin_of(int(at.timestamp()) // (hours * _HOUR), hours)


def span_of(hour: ColumnElement[Any], hours: int) -> ColumnElement[int]:
    """The number of the span of so many hours that an hour belongs to; ``begin_of`` dates it."""
    return cast(extract("epoch", hour), BigInteger) // literal(hours * _HOUR, BigInteger)


def begin_of(number: int, hours: int) -> datetime:
    """When a span of so many hours begins."""
    return datetime.fromtimestamp(number * hours * _HOUR, UTC)


def lags_by_hour(connection: Connection, since: datetime, *, hours: int = 1) -> list[HourOfLags]:
    """The histograms of every span from that of ``since`` on, oldest first, empty ones left out."""
    c = LAGS.c
    number = span_of(c.hour, hours).label("number")
    summed = (
        select(number, c.leg, c.bucket, func.sum(c.events).label("events"))
        .where(c.hour >= floor(since, hours), c.events > 0)
        .group_by(number, c.leg, c.bucket)
        .subquery()
    )
    s = summed.c
    # One row a span and leg, since it is rows that cost.
    pair = cast(s.bucket, String) + ":" + cast(s.events, String)
    rows = connection.execute(
        select(s.number, s.leg, func.aggregate_strings(pair, " "))
        .group_by(s.number, s.leg)
        .order_by(s.number, s.leg)
    )
    found: dict[datetime, HourOfLags] = {}
    for span, leg, pairs in rows:
        counted = Counter[int]()
        for each in pairs.split():
            bucket, _, events = each.partition(":")
            counted[int(bucket)] = int(events)
        begin = begin_of(span, hours)
        found.setdefault(begin, HourOfLags(begin)).legs[leg] = counted
    return list(found.values())


def over(hours: Iterable[HourOfLags], leg: Leg) -> Percentiles | None:
    """The percentiles over all these hours together; None without an event."""
    summed: Counter[int] = Counter()
    for each in hours:
        summed.update(each.legs.get(leg.value, {}))
    return _percentiles(summed)


def lag_hours(hours: Iterable[HourOfLags]) -> tuple[LagHour, ...]:
    """The percentiles of each hour."""
    none: Counter[int] = Counter()
    return tuple(
        LagHour(
            each.hour,
            _percentiles(each.legs.get(Leg.RECEIVE.value, none)),
            _percentiles(each.legs.get(Leg.APPLY.value, none)),
        )
        for each in hours
    )


def volume_by_hour(
    connection: Connection, since: datetime, *, hours: int = 1
) -> tuple[OutcomeHour, ...]:
    """Events by span and outcome, from the span of ``since`` on."""
    r = ROLLUPS.c
    number = span_of(r.hour, hours).label("number")
    statement = (
        select(number, r.outcome, func.sum(r.events))
        .where(r.hour >= floor(since, hours))
        .group_by(number, r.outcome)
        .order_by(number, r.outcome)
    )
    return tuple(
        OutcomeHour(begin_of(span, hours), outcome, int(events))
        for span, outcome, events in connection.execute(statement)
        if events
    )


def volume_by_type(
    connection: Connection, since: datetime, *, hours: int = 1
) -> tuple[TypeVolume, ...]:
    """Events by type and outcome from the span of ``since`` on, the most first."""
    r = ROLLUPS.c
    events, deliveries = func.sum(r.events), func.sum(r.deliveries)
    statement = (
        select(r.type, r.outcome, events.label("events"), deliveries.label("deliveries"))
        .where(r.hour >= floor(since, hours))
        .group_by(r.type, r.outcome)
        .order_by(events.desc(), r.type, r.outcome)
        .limit(_TYPES)
    )
    return tuple(
        TypeVolume(row["type"], row["outcome"], int(row["events"]), int(row["deliveries"]))
        for row in fetch(connection, statement)
        if row["events"]
    )


def versions(connection: Connection, since: datetime) -> tuple[VersionVolume, ...]:
    """The API versions that Stripe's events bore, the commonest first."""
    c = VERSIONS.c
    statement = (
        select(c.api_version, func.sum(c.events).label("events"))
        .where(c.hour >= floor(since))
        .group_by(c.api_version)
        .order_by(func.sum(c.events).desc(), c.api_version)
    )
    return tuple(
        VersionVolume(row["api_version"], int(row["events"]))
        for row in fetch(connection, statement)
        if row["events"]
    )


def _percentiles(histogram: Mapping[int, int]) -> Percentiles | None:
    found = percentiles(histogram, 0.5, 0.95, 0.99)
    if found is None:
        return None
    median, slow, slowest = found
    return Percentiles(median, slow, slowest, sum(histogram.values()))
