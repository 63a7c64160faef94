"""Lags, volume and versions over time, read from the roll-ups that the listener keeps."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, String, cast, func, select

from billing_core.lags import Leg, percentiles
from billing_core.queries.tables import LAGS, ROLLUPS, VERSIONS, fetch
from billing_core.rows import LagHour, OutcomeHour, Percentiles, TypeVolume, VersionVolume

_TYPES = 200


@dataclass(frozen=True, slots=True)
class HourOfLags:
    """The histograms of the events that arrived within one hour."""

    hour: datetime
    legs: dict[str, Counter[int]] = field(default_factory=dict)


def floor(at: datetime) -> datetime:
    """The beginning of the hour that ``at`` is in."""
    return at.replace(minute=0, second=0, microsecond=0)


def lags_by_hour(connection: Connection, since: datetime) -> list[HourOfLags]:
    """The histograms of every hour from that of ``since`` on, oldest first, empty ones left out."""
    c = LAGS.c
    # One row an hour and leg: a month would be twenty thousand rows otherwise.
    pair = cast(c.bucket, String) + ":" + cast(c.events, String)
    rows = connection.execute(
        select(c.hour, c.leg, func.aggregate_strings(pair, " "))
        .where(c.hour >= floor(since), c.events > 0)
        .group_by(c.hour, c.leg)
        .order_by(c.hour, c.leg)
    )
    hours: dict[datetime, HourOfLags] = {}
    for hour, leg, pairs in rows:
        counted = Counter[int]()
        for each in pairs.split():
            bucket, _, events = each.partition(":")
            counted[int(bucket)] = int(events)
        hours.setdefault(hour, HourOfLags(hour)).legs[leg] = counted
    return list(hours.values())


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


def volume_by_hour(connection: Connection, since: datetime) -> tuple[OutcomeHour, ...]:
    """Events by hour and outcome, from the hour of ``since`` on."""
    r = ROLLUPS.c
    statement = (
        select(r.hour, r.outcome, func.sum(r.events).label("events"))
        .where(r.hour >= floor(since))
        .group_by(r.hour, r.outcome)
        .order_by(r.hour, r.outcome)
    )
    return tuple(
        OutcomeHour(hour, outcome, int(events))
        for hour, outcome, events in connection.execute(statement)
        if events
    )


def volume_by_type(connection: Connection, since: datetime) -> tuple[TypeVolume, ...]:
    """Events by type and outcome over the whole time, the most first."""
    r = ROLLUPS.c
    events, deliveries = func.sum(r.events), func.sum(r.deliveries)
    statement = (
        select(r.type, r.outcome, events.label("events"), deliveries.label("deliveries"))
        .where(r.hour >= floor(since))
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
