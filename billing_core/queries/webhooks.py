"""Whether the picture can be trusted: what came when, what waits, what could not be understood."""

from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, func, literal_column, select, text

from billing_core.queries.prices import unmapped_prices
from billing_core.queries.tables import EVENTS, ROLLUPS, SUBSCRIPTIONS, Row, capped_count, fetch
from billing_core.rows import (
    Count,
    EventRow,
    EventVolume,
    Percentiles,
    SuspectSubscription,
    WebhookHealth,
)
from billing_core.tables import Outcome

SHOWN = 50
SAMPLE = 1000
COUNT_CAP = 100_000
BURST_SECONDS = 5.0
# SQLite uses a partial index only where its very words stand in the query.
_OPEN = text("outcome IN ('pending', 'parked')")
_SUSPECT = text("suspect")


def webhook_health(connection: Connection, now: datetime) -> WebhookHealth:
    """What came last, what waits, how long things take, and what is in doubt.

    Percentiles are over the newest thousand events received in the last day before ``now``.
    """
    v = EVENTS.c
    recent = fetch(
        connection,
        select(v.created, v.received_at, v.applied_at)
        .where(v.received_at >= now - timedelta(days=1))
        .order_by(v.received_at.desc())
        .limit(SAMPLE),
    )
    return WebhookHealth(
        last_received_at=connection.execute(select(func.max(v.received_at))).scalar(),
        last_created_at=connection.execute(select(func.max(v.created))).scalar(),
        usual_gap_seconds=_usual_gap(recent),
        backlog=_count(connection, Outcome.PENDING),
        oldest_pending_at=_oldest_pending(connection),
        parked=_count(connection, Outcome.PARKED),
        parked_events=parked_events(connection),
        receive_lag=_percentiles([_seconds(row["created"], row["received_at"]) for row in recent]),
        apply_lag=_percentiles(
            [
                _seconds(row["received_at"], row["applied_at"])
                for row in recent
                if row["applied_at"] is not None
            ]
        ),
        suspects=_suspects(connection),
        unmapped_prices=unmapped_prices(connection),
    )


def parked_events(connection: Connection, *, limit: int = SHOWN) -> tuple[EventRow, ...]:
    """The newest events that wait for a person, each with the reason."""
    v = EVENTS.c
    statement = (
        select(EVENTS)
        .where(_OPEN, v.outcome == literal_column("'parked'"))
        .order_by(v.received_at.desc())
        .limit(limit)
    )
    return tuple(_event(row) for row in fetch(connection, statement))


def event_volume(
    connection: Connection, since: datetime, until: datetime | None = None
) -> tuple[EventVolume, ...]:
    """Events by hour, type and outcome, from the roll-ups that the listener keeps."""
    r = ROLLUPS.c
    statement = select(ROLLUPS).where(r.hour >= since)
    if until is not None:
        statement = statement.where(r.hour < until)
    return tuple(
        EventVolume(
            hour=row["hour"],
            type=row["type"],
            outcome=row["outcome"],
            events=row["events"],
            deliveries=row["deliveries"],
        )
        for row in fetch(connection, statement.order_by(r.hour, r.type, r.outcome))
    )


def backlog(connection: Connection) -> Count:
    """How many events are stored and not applied yet."""
    return _count(connection, Outcome.PENDING)


def parked(connection: Connection) -> Count:
    """How many events wait for a person."""
    return _count(connection, Outcome.PARKED)


def _count(connection: Connection, outcome: Outcome) -> Count:
    chosen = EVENTS.c.outcome == literal_column(f"'{outcome.value}'")
    return capped_count(connection, select(EVENTS.c.received_at).where(_OPEN, chosen), COUNT_CAP)


def _oldest_pending(connection: Connection) -> datetime | None:
    v = EVENTS.c
    oldest: datetime | None = connection.execute(
        select(func.min(v.received_at)).where(_OPEN, v.outcome == literal_column("'pending'"))
    ).scalar()
    return oldest


def _suspects(connection: Connection) -> tuple[SuspectSubscription, ...]:
    s = SUBSCRIPTIONS.c
    rows = fetch(
        connection,
        select(s.subscription_id, s.customer_id, s.status, s.event_created)
        .where(_SUSPECT)
        .limit(SHOWN),
    )
    return tuple(
        SuspectSubscription(
            row["subscription_id"], row["customer_id"], row["status"], row["event_created"]
        )
        for row in rows
    )


def _event(row: Row) -> EventRow:
    return EventRow(**{name: row[name] for name in EventRow.__dataclass_fields__})


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _usual_gap(recent: list[Row]) -> float | None:
    """The median pause between two bursts of events; None for too few to tell.

    One thing that happens comes as several events at once, so what is closer than five seconds is one.
    """
    pauses = [
        _seconds(earlier["received_at"], later["received_at"])
        for later, earlier in pairwise(recent)
    ]
    gaps = sorted(pause for pause in pauses if pause > BURST_SECONDS)
    return gaps[len(gaps) // 2] if len(gaps) >= 5 else None


def _percentiles(values: list[float]) -> Percentiles | None:
    if not values:
        return None
    ranked = sorted(values)

    def at(share: float) -> float:
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    return Percentiles(at(0.5), at(0.95), at(0.99), len(ranked))
