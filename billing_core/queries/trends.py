"""How many orgs were in which state day by day, read from what the listener keeps by the day."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from billing_core.queries.cancellations import cancellation_flow
from billing_core.queries.tables import ROLLUPS, STATE_ROLLUPS, fetch
from billing_core.queries.volume import begin_of, span_of
from billing_core.rows import Trends

DAYS = 30
_STATES = (
    "access",
    "trialing",
    "past_due",
    "unpaid",
    "incomplete",
    "paused",
    "winding_down",
    "unmapped",
)


def trends(connection: Connection, now: datetime) -> Trends:
    """The last thirty days up to today. What Stripe dates after today counts as of today."""
    first = _day(now) - timedelta(days=DAYS - 1)
    states = _states(connection, first)
    bounds = [first + timedelta(days=day) for day in range(DAYS + 1)]
    flow = cancellation_flow(connection, bounds)
    return Trends(
        **states,
        begun=tuple(day.begun for day in flow),
        undone=tuple(day.undone for day in flow),
        events=_events(connection, first),
    )


def states_now(connection: Connection) -> Counter[str]:
    """How many orgs are in each state; nought for a state that none is in."""
    s = STATE_ROLLUPS.c
    statement = select(s.state, func.sum(s.more)).group_by(s.state)
    return Counter({state: int(there) for state, there in connection.execute(statement)})


def _states(connection: Connection, first: datetime) -> dict[str, tuple[int, ...]]:
    s = STATE_ROLLUPS.c
    there = states_now(connection)
    last = first + timedelta(days=DAYS - 1)
    moves: dict[str, Counter[datetime]] = defaultdict(Counter)
    for row in fetch(connection, select(STATE_ROLLUPS).where(s.day > first)):
        moves[row["state"]][min(row["day"], last)] += row["more"]
    return {state: _levels(there[state], moves[state], first) for state in _STATES}


def _levels(there: int, moves: Counter[datetime], first: datetime) -> tuple[int, ...]:
    """From what is there now back to the first day."""
    levels = [there]
    for ago in range(DAYS - 1):
        levels.append(levels[-1] - moves[first + timedelta(days=DAYS - 1 - ago)])
    return tuple(reversed(levels))


def _events(connection: Connection, first: datetime) -> tuple[int, ...]:
    """How many events came on each day."""
    r = ROLLUPS.c
    day = span_of(r.hour, 24)
    statement = select(day, func.sum(r.events)).where(r.hour >= first).group_by(day)
    counts = {begin_of(number, 24): int(events) for number, events in connection.execute(statement)}
    return tuple(counts.get(first + timedelta(days=day), 0) for day in range(DAYS))


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
