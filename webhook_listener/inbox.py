"""The inbox: each verified event is stored once, and each repeat of it is counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isal import isal_zlib  # writes what zlib reads, in a quarter of its time
from sqlalchemy import Connection, select

from billing_core.settings import Settings
from billing_core.stripe_gateway.envelope import Envelope
from billing_core.tables import Outcome
from webhook_listener import rollups
from webhook_listener.row_sql import row_sql
from webhook_listener.tables import EVENTS

_LONGEST_NAME = 255
_COUNT_REPEATS = (
    "ON CONFLICT (event_id) DO UPDATE"
    " SET deliveries = webhook_events.deliveries + excluded.deliveries"
)
_REPEATED = (
    "SELECT event_id, type, outcome, received_at, deliveries FROM webhook_events"
    " WHERE deliveries > 1"
)
_INSERT_PAYLOAD = (
    "INSERT INTO webhook_payloads (event_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING"
)
_INSERT_PAYLOADS = (
    "INSERT INTO webhook_payloads (event_id, body)"
    " SELECT * FROM unnest(%s::text[], %s::bytea[]) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose events are applied: those of one mode, and of one account or of our own."""

    livemode: bool
    account: str | None

    def reason_to_ignore(self, *, livemode: bool, account: str | None) -> str | None:
        """Why an event is kept but not applied, in a sentence; None for our own."""
        if livemode != self.livemode:
            theirs, ours = ("live", "test") if livemode else ("test", "live")
            return f"The event is from {theirs} mode, and this listener serves {ours} mode."
        if account is not None and account != self.account:
            return "The event is from another connected account than STRIPE_ACCOUNT names."
        return None


def audience_of(settings: Settings) -> Audience:
    """Whose events these settings ask for."""
    return Audience(livemode=settings.expected_livemode, account=settings.stripe_account)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified delivery of an event, ready to be stored.

    ``body`` is the redacted JSON. ``ignored_because`` says why the event is kept but never
    projected: it is from another mode or account.
    """

    event: Envelope
    body: bytes
    received_at: datetime
    ignored_because: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch came to: ``new`` in the order received, and how many were repeats."""

    new: tuple[Delivery, ...]
    duplicates: int


def store(connection: Connection, deliveries: Sequence[Delivery]) -> Stored:
    """Store a batch in the caller's transaction; a repeat only raises ``deliveries``."""
    times = Counter(delivery.event.event_id for delivery in deliveries)
    firsts: dict[str, Delivery] = {}
    for delivery in deliveries:
        firsts.setdefault(delivery.event.event_id, delivery)
    # Two listeners that store the same events lock their rows in one order and cannot deadlock.
    ordered = [firsts[event_id] for event_id in sorted(firsts)]
    events = row_sql(EVENTS, connection.dialect.name)
    events.insert(
        connection,
        [_row(delivery, times[delivery.event.event_id]) for delivery in ordered],
        then=_COUNT_REPEATS,
    )
    known = _known_before(connection, times)
    new = [delivery for delivery in ordered if delivery.event.event_id not in known]
    _insert_payloads(connection, new)
    repeats = [count for count in known.values() if count.outcome != Outcome.PENDING]
    rollups.add(connection, [*repeats, *_ignored(new, times)])
    return Stored(
        new=tuple(d for d in firsts.values() if d.event.event_id not in known),
        duplicates=len(deliveries) - len(new),
    )


def _insert_payloads(connection: Connection, new: Sequence[Delivery]) -> None:
    if not new:
        return
    rows = [(one.event.event_id, isal_zlib.compress(one.body, 1)) for one in new]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT_PAYLOAD, rows)
        return
    ids, bodies = zip(*rows, strict=True)
    connection.exec_driver_sql(_INSERT_PAYLOADS, (list(ids), list(bodies)))


def _row(delivery: Delivery, deliveries: int) -> dict[str, Any]:
    event = delivery.event
    ignored = delivery.ignored_because
    return {
        "event_id": event.event_id,
        "type": event.type,
        "api_version": _storable(event.api_version),
        "livemode": event.livemode,
        "account": _storable(event.account),
        "created": event.created,
        "received_at": delivery.received_at,
        "applied_at": delivery.received_at if ignored else None,
        "customer_id": _storable(event.customer_id),
        "object_id": _storable(event.object_id),
        "outcome": (Outcome.IGNORED if ignored else Outcome.PENDING).value,
        "error": ignored,
        "attempts": 0,
        "deliveries": deliveries,
    }


def _storable(text: str | None) -> str | None:
    """None for what no index could hold, so that one odd event never fails its whole batch."""
    if text is None or len(text) > _LONGEST_NAME or "\x00" in text:
        return None
    return text


def _known_before(connection: Connection, times: Mapping[str, int]) -> dict[str, rollups.Count]:
    """The batch's events that were there already, each with what its repeats add.

    Repeats of a pending event are counted when it gets its outcome.
    """
    sql = row_sql(EVENTS, connection.dialect.name)
    repeated = connection.exec_driver_sql(
        f"{_REPEATED} AND event_id {sql.is_one_of}", (sql.as_list(list(times)),)
    )
    decode = sql.decoders["received_at"]
    return {
        event_id: rollups.Count(
            decode(received_at), type_, outcome, events=0, deliveries=times[event_id]
        )
        for event_id, type_, outcome, received_at, deliveries in repeated
        if deliveries > times[event_id]
    }


def _ignored(new: Sequence[Delivery], times: Mapping[str, int]) -> list[rollups.Count]:
    return [
        rollups.of_event(
            type_=delivery.event.type,
            outcome=Outcome.IGNORED.value,
            created=delivery.event.created,
            received_at=delivery.received_at,
            applied_at=delivery.received_at,
            deliveries=times[delivery.event.event_id],
            api_version=_storable(delivery.event.api_version),
        )
        for delivery in new
        if delivery.ignored_because
    ]


def known(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Which of these events the inbox has."""
    rows = connection.execute(select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(event_ids)))
    return set(rows.scalars())
