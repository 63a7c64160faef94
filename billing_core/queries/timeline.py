"""An organization's story, newest first: what Stripe sent, and who made a link in between."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from billing_core.config import BillingConfig
from billing_core.dates import long_date
from billing_core.facts import SubscriptionFacts
from billing_core.happenings import Happening
from billing_core.queries.audit import audit_row, org_audit_statement
from billing_core.queries.changes import changes_by_event
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.tables import (
    AUDIT,
    EVENTS,
    PAYLOADS,
    PRICES,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import FieldChange, TimelineEntry, TimelinePage
from billing_core.sentences import Sentence, StoryKind, Words, describe, types_of
from billing_core.sentences.staff import staff_action
from billing_core.stripe_gateway.happenings import read_happening, unpack
from billing_core.tables import Outcome

_EVENT, _STAFF = 0, 1
# Within one second a story is told in the order in which such things follow from each other.
_WITHIN_A_SECOND = (
    "customer.created",
    "customer.subscription.created",
    "checkout.session.completed",
    "invoice.",
    "payment_method.",
    "customer.updated",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.deleted",
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A row of either source, with its place in the story."""

    at: datetime
    source: int
    key: str | int
    row: Row


def timeline(
    connection: Connection,
    org_id: str,
    *,
    kind: StoryKind = StoryKind.EVERYTHING,
    until: datetime | None = None,
    before: str | None = None,
    limit: int = 50,
    config: BillingConfig | None = None,
    day: Callable[[datetime], str] = long_date,
    locale: str = "en",
) -> TimelinePage:
    """Up to ``limit`` entries of an organization's story, newest first.

    ``kind`` narrows it, ``until`` leaves out what happened later by Stripe's clock. ``before`` is
    the ``next_cursor`` of the page before. ``day`` words dates, ``locale`` amounts.
    Only the page's payloads are read.
    """
    config = config_or_default(config)
    position = decode_cursor(before, 3)
    found = sorted(
        [
            *_events(connection, org_id, kind, until, position, limit + 1),
            *_staff(connection, org_id, kind, until, position, limit + 1),
        ],
        key=lambda each: (each.at, each.source, each.key),
        reverse=True,
    )
    shown = found[:limit]
    cursor = None
    if len(found) > limit:
        last = shown[-1]
        cursor = encode_cursor((last.at, last.source, last.key))
    entries = _entries(connection, org_id, shown, config, Words(config, {}, day, locale))
    return TimelinePage(tuple(entries), cursor)


def _events(
    connection: Connection,
    org_id: str,
    kind: StoryKind,
    until: datetime | None,
    position: Sequence[Any] | None,
    limit: int,
) -> Iterable[_Found]:
    v, p = EVENTS, PAYLOADS
    narrowed = [] if until is None else [v.c.created <= until]
    if kind is not StoryKind.EVERYTHING:
        narrowed.append(v.c.type.in_(sorted(types_of(kind))))
    statement = (
        select(v, p.c.body)
        .join(p, p.c.event_id == v.c.event_id, isouter=True)
        .where(
            v.c.org_id == org_id, *narrowed, *_older(v.c.created, v.c.event_id, _EVENT, position)
        )
        .order_by(v.c.created.desc(), v.c.event_id.desc())
        .limit(limit)
    )
    for row in fetch(connection, statement):
        yield _Found(row["created"], _EVENT, row["event_id"], row)


def _staff(
    connection: Connection,
    org_id: str,
    kind: StoryKind,
    until: datetime | None,
    position: Sequence[Any] | None,
    limit: int,
) -> Iterable[_Found]:
    if kind not in (StoryKind.EVERYTHING, StoryKind.STAFF):
        return
    narrowed = [] if until is None else [AUDIT.c.at <= until]
    statement = (
        org_audit_statement(org_id)
        .where(*narrowed, *_older(AUDIT.c.at, AUDIT.c.audit_id, _STAFF, position))
        .order_by(AUDIT.c.at.desc(), AUDIT.c.audit_id.desc())
        .limit(limit)
    )
    for row in fetch(connection, statement):
        yield _Found(row["at"], _STAFF, row["audit_id"], row)


def _older(
    at: ColumnElement[Any], key: ColumnElement[Any], source: int, position: Sequence[Any] | None
) -> list[ColumnElement[bool]]:
    if position is None or not isinstance(position[0], datetime):
        return []
    if source == position[1]:
        return [beyond((at, key), (position[0], position[2]), descending=True)]
    return [at <= position[0] if source < position[1] else at < position[0]]


def _entries(
    connection: Connection,
    org_id: str,
    shown: Sequence[_Found],
    config: BillingConfig,
    words: Words,
) -> list[TimelineEntry]:
    events = [each.row for each in shown if each.source == _EVENT]
    happenings = {row["event_id"]: _happening(row, config) for row in events}
    words = Words(config, _lookup_keys(connection, happenings.values()), words.day, words.locale)
    changes = changes_by_event(connection, org_id, happenings)
    told = sorted(shown, key=_place, reverse=True)
    return [
        _event_entry(
            each.row, happenings[each.row["event_id"]], changes.get(each.row["event_id"], ()), words
        )
        if each.source == _EVENT
        else _staff_entry(each.row)
        for each in told
    ]


def _place(found: _Found) -> tuple[datetime, bool, int, datetime, str]:
    """Where an entry stands: by Stripe's whole seconds, and within one by what leads to what.

    What a person did stands before Stripe's events of that second, since these may come of it.
    """
    second = found.at.replace(microsecond=0)
    if found.source == _STAFF:
        return second, False, 0, found.at, str(found.key)
    type_ = found.row["type"]
    rank = next(
        (index for index, start in enumerate(_WITHIN_A_SECOND) if type_.startswith(start)),
        len(_WITHIN_A_SECOND),
    )
    return second, True, rank, found.row["received_at"], str(found.key)


def _happening(row: Row, config: BillingConfig) -> Happening:
    event = unpack(row["event_id"], row["body"]) if row["body"] is not None else None
    if event is None:
        return Happening(row["type"], row["created"], None, None)
    return read_happening(event, config.org_id_metadata_key)


def _lookup_keys(connection: Connection, happenings: Iterable[Happening]) -> dict[str, str]:
    ids = {
        item.price_id
        for happening in happenings
        for facts in (happening.before, happening.after)
        if isinstance(facts, SubscriptionFacts)
        for item in facts.items
        if item.price_id is not None
    }
    p = PRICES.c
    statement = select(p.price_id, p.lookup_key).where(
        p.price_id.in_(ids), p.lookup_key.is_not(None)
    )
    return {row.price_id: row.lookup_key for row in connection.execute(statement)}


def _event_entry(
    row: Row, happening: Happening, changes: tuple[FieldChange, ...], words: Words
) -> TimelineEntry:
    sentence = describe(happening, words)
    late = row["outcome"] == Outcome.STALE
    return TimelineEntry(
        at=row["created"],
        kind=sentence.kind,
        sentence=sentence.text,
        details=(*sentence.details, *_notes(row, sentence)),
        event_id=row["event_id"],
        event_type=row["type"],
        outcome=row["outcome"],
        received_at=row["received_at"],
        error=row["error"],
        changes=changes,
        quiet=sentence.quiet or late or (row["outcome"] == Outcome.IGNORED and bool(row["error"])),
    )


def _notes(row: Row, sentence: Sentence) -> tuple[str, ...]:
    if row["outcome"] == Outcome.STALE:
        return ("Came after something newer, so it changed nothing.",)
    if row["outcome"] == Outcome.PENDING:
        return ("Stored, and about to be applied.",)
    if row["error"] and not sentence.quiet:
        return (str(row["error"]),)
    return ()


def _staff_entry(row: Row) -> TimelineEntry:
    audit = audit_row(row)
    sentence = staff_action(audit)
    return TimelineEntry(
        at=audit.at,
        kind=sentence.kind,
        sentence=sentence.text,
        details=sentence.details,
        event_id=None,
        event_type=None,
        outcome=audit.completed or audit.outcome,
        received_at=None,
        error=None,
        changes=(),
        quiet=False,
    )
