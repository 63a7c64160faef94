"""Whether the picture can be trusted: what came when, what waits, what could not be understood."""

from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, func, literal_column, null, select, text

from billing_core.lags import Leg
from billing_core.queries import keyset
from billing_core.queries.missed import drift_count, endpoint_look, reconciliation
from billing_core.queries.prices import unmapped_prices
from billing_core.queries.tables import (
    AUDIT,
    CUSTOMERS,
    EVENTS,
    LAGS,
    PRICES,
    PRODUCTS,
    SUBSCRIPTIONS,
    VERSIONS,
    Row,
    capped_count,
    fetch,
)
from billing_core.queries.volume import HourOfLags, floor, lags_by_hour, over
from billing_core.rows import Count, EventCommand, EventPage, EventRow, Suspect
from billing_core.rows import WebhookHealth as Health
from billing_core.tables import Outcome

SHOWN = 50
SAMPLE = 300
COUNT_CAP = 100_000
BURST_SECONDS = 5.0
_LOOKS_BACK = timedelta(days=14)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
# SQLite uses a partial index only where its very words stand in the query.
_OPEN = text("outcome IN ('pending', 'parked')")
# What may be in doubt, where that is marked, and what is held and since when meanwhile.
_DOUBTS = (
    ("subscription", SUBSCRIPTIONS, "suspect", "status", "event_created"),
    ("customer", CUSTOMERS, "suspect", None, "event_created"),
    ("price", PRICES, "suspect", None, "event_created"),
    ("price", PRICES, "lookup_key_disputed", "lookup_key", "lookup_key_at"),
    ("product", PRODUCTS, "suspect", "name", "event_created"),
)


def webhook_health(connection: Connection, now: datetime) -> Health:
    """What came last, what waits, how long things take, and what is in doubt.

    The usual gap is taken from the newest events of two weeks, lags from the roll-ups.
    """
    recent = _recent(connection, now)
    lags = lags_by_hour(connection, now - _DAY)
    lately = _lately(connection, lags, now)
    created = func.max(EVENTS.c.created)
    return Health(
        last_received_at=recent[0] if recent else _last_received(connection),
        last_created_at=connection.execute(select(created)).scalar(),
        usual_gap_seconds=_usual_gap(recent),
        usual_quiet_seconds=_usual_quiet(connection, now),
        backlog=backlog(connection),
        oldest_pending_at=_oldest_pending(connection),
        parked=parked(connection),
        receive_lag=over(lags, Leg.RECEIVE),
        apply_lag=over(lags, Leg.APPLY),
        receive_lag_now=over(lately, Leg.RECEIVE),
        apply_lag_now=over(lately, Leg.APPLY),
        suspects=_suspects(connection),
        unmapped_prices=unmapped_prices(connection),
        drift=drift_count(connection, now - _DAY),
        reconcile=reconciliation(connection),
        endpoint=endpoint_look(connection),
    )


def parked_events(
    connection: Connection, *, after: str | None = None, limit: int = SHOWN
) -> EventPage:
    """The newest events that wait for a person, each with the reason; ``after`` is a cursor."""
    v = EVENTS.c
    statement = select(EVENTS).where(_OPEN, _is(Outcome.PARKED), v.next_attempt_at.is_(None))
    position = keyset.decode_cursor(after, 2)
    if position is not None and isinstance(position[0], datetime):
        statement = statement.where(
            keyset.beyond((v.received_at, v.event_id), position, descending=True)
        )
    ordered = statement.order_by(v.received_at.desc(), v.event_id.desc())
    rows = fetch(connection, ordered.limit(limit + 1))
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = keyset.encode_cursor((last["received_at"], last["event_id"])) if last else None
    return EventPage(tuple(_event(row) for row in rows[:limit]), cursor)


def stored_event(connection: Connection, event_id: str) -> EventRow | None:
    """One event of the inbox, whatever became of it."""
    rows = fetch(connection, select(EVENTS).where(EVENTS.c.event_id == event_id))
    return _event(rows[0]) if rows else None


def event_command(connection: Connection, audit_id: int) -> EventCommand | None:
    """What somebody asked for about events, and how it went; None for any other entry."""
    a = AUDIT.c
    asked = select(AUDIT).where(a.audit_id == audit_id, a.action.like("events.%"))
    rows = fetch(connection, asked)
    if not rows or rows[0]["follows"] is not None:
        return None
    row = rows[0]
    ends = fetch(connection, select(a.outcome, a.detail).where(a.follows == audit_id).limit(1))
    return EventCommand(
        audit_id=audit_id,
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        outcome=row["outcome"],
        reason=row["reason"],
        detail=row["detail"],
        ended=ends[0]["outcome"] if ends else None,
        result=ends[0]["detail"] if ends else None,
    )


def backlog(connection: Connection) -> Count:
    """How many events are stored and not applied yet."""
    return _count(connection, Outcome.PENDING)


def parked(connection: Connection) -> Count:
    """How many events wait for a person."""
    return _count(connection, Outcome.PARKED)


def _is(outcome: Outcome) -> ColumnElement[bool]:
    chosen: ColumnElement[bool] = EVENTS.c.outcome == literal_column(f"'{outcome.value}'")
    return chosen


def _count(connection: Connection, outcome: Outcome) -> Count:
    chosen = select(EVENTS.c.received_at).where(_OPEN, _is(outcome))
    return capped_count(connection, chosen, COUNT_CAP)


def _oldest_pending(connection: Connection) -> datetime | None:
    pending = select(func.min(EVENTS.c.received_at)).where(_OPEN, _is(Outcome.PENDING))
    oldest: datetime | None = connection.execute(pending).scalar()
    return oldest


def _last_received(connection: Connection) -> datetime | None:
    last: datetime | None = connection.execute(select(func.max(EVENTS.c.received_at))).scalar()
    return last


def _recent(connection: Connection, now: datetime) -> list[datetime]:
    """When Stripe's newest events were received; what we asked for ourselves is left out."""
    v = EVENTS.c
    newest = connection.execute(
        select(v.received_at, v.type)
        .where(v.received_at >= now - _LOOKS_BACK)
        .order_by(v.received_at.desc())
        .limit(SAMPLE)
    )
    return [row.received_at for row in newest if not row.type.startswith("snapshot.")]


def _lately(connection: Connection, lags: list[HourOfLags], now: datetime) -> list[HourOfLags]:
    """The last hour's lags. A listener's first events bring a past that was late for no reason."""
    begin = floor(now - _HOUR)
    first = connection.execute(select(func.min(LAGS.c.hour))).scalar()
    if first is None or first >= begin:
        return []
    return [row for row in lags if row.hour >= begin]


def _usual_gap(recent: list[datetime]) -> float | None:
    """The median pause between two bursts of events; None for too few to tell.

    One thing that happens comes as several events at once, so what is closer than five seconds is one.
    """
    pauses = [max(0.0, (later - earlier).total_seconds()) for later, earlier in pairwise(recent)]
    gaps = sorted(pause for pause in pauses if pause > BURST_SECONDS)
    return gaps[len(gaps) // 2] if len(gaps) >= 5 else None


def _usual_quiet(connection: Connection, now: datetime) -> float:
    """The second longest time without an event in two weeks: the longest may have been a fault."""
    c = VERSIONS.c  # which has the fewest rows, and none for what we asked for ourselves
    hours = connection.execute(
        select(c.hour)
        .where(c.hour >= now - _LOOKS_BACK, c.events > 0)
        .group_by(c.hour)
        .order_by(c.hour)
    ).scalars()
    quiet: list[timedelta] = sorted(
        (later - earlier for earlier, later in pairwise(hours) if later - earlier > _HOUR),
        reverse=True,
    )
    if not quiet:
        return 0.0
    return (quiet[min(1, len(quiet) - 1)] + _HOUR).total_seconds()


def _suspects(connection: Connection) -> tuple[Suspect, ...]:
    found: list[Suspect] = []
    for kind, table, doubt, held, since in _DOUBTS:
        columns = table.c
        statement = select(
            columns[f"{kind}_id"].label("object_id"),
            (columns[held] if held is not None else null()).label("held"),
            columns[since].label("since"),
        )
        rows = fetch(connection, statement.where(text(doubt)).limit(SHOWN))
        found += (Suspect(kind, row["object_id"], row["held"], row["since"]) for row in rows)
    return tuple(found)


def _event(row: Row) -> EventRow:
    return EventRow(**{name: row[name] for name in EventRow.__dataclass_fields__})
