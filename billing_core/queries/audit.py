"""The audit log, read: who did what for whom."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, exists, func, or_, select
from sqlalchemy.sql import Select

from billing_core.queries.keyset import decode_cursor, encode_cursor
from billing_core.queries.tables import AUDIT, Row, fetch
from billing_core.rows import AuditPage, AuditRow


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What the audit log is narrowed to; everything by default. Times are aware."""

    org_id: str | None = None
    actor: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    link_id: str | None = None


def audit_entries(
    connection: Connection,
    filters: AuditFilters | None = None,
    *,
    after: str | None = None,
    limit: int = 50,
) -> AuditPage:
    """The newest entries first, each with how it went.

    An entry that only completes an earlier one is shown with that. ``outcome`` filters by how it
    went, and orders by when that was. ``after`` is the ``next_cursor`` of the page before.
    """
    filters = filters or AuditFilters()
    chosen = _narrowed(filters)
    position = decode_cursor(after, 1)
    key = AUDIT.c.audit_id if filters.outcome is None else _DONE.c.audit_id
    if position is not None and isinstance(position[0], int):
        chosen = chosen.where(key < position[0])
    rows = fetch(connection, chosen.order_by(key.desc()).limit(limit + 1))
    cursor = encode_cursor((rows[limit - 1]["position"],)) if len(rows) > limit else None
    return AuditPage(tuple(audit_row(row) for row in rows[:limit]), cursor)


def every_audit_entry(
    connection: Connection, filters: AuditFilters, *, at_once: int = 1_000
) -> Iterator[AuditRow]:
    """All entries that match, newest first, read a part at a time."""
    after: str | None = None
    while True:
        part = audit_entries(connection, filters, after=after, limit=at_once)
        yield from part.rows
        after = part.next_cursor
        if after is None:
            return


_DONE = AUDIT.alias("done")
DENIED = "denied"


def _with_completion() -> Select[Any]:
    """The entries that begin something, each with the one that says how it went.

    An attempt to complete somebody else's entry stands alone, and leaves that one as it is.
    """
    # Not the bare column: SQLite would gather all of them by two indexes, and sort, to show a few.
    begins = func.coalesce(AUDIT.c.follows, 0) == 0
    completes = (_DONE.c.follows == AUDIT.c.audit_id) & (_DONE.c.outcome != DENIED)
    return (
        select(
            AUDIT,
            _DONE.c.outcome.label("completed"),
            _DONE.c.detail.label("done_detail"),
            AUDIT.c.audit_id.label("position"),
        )
        .join(_DONE, completes, isouter=True)
        .where(or_(begins, AUDIT.c.outcome == DENIED))
    )


def _with_outcome(outcome: str) -> Select[Any]:
    """The same, reached from the entry that says how it went, which an index finds."""
    later = AUDIT.alias("later")
    completed = exists().where(later.c.follows == _DONE.c.audit_id, later.c.outcome != DENIED)
    begun = case((_DONE.c.outcome == DENIED, _DONE.c.audit_id), else_=_DONE.c.follows)
    return (
        select(
            AUDIT,
            case((AUDIT.c.audit_id != _DONE.c.audit_id, _DONE.c.outcome)).label("completed"),
            _DONE.c.detail.label("done_detail"),
            _DONE.c.audit_id.label("position"),
        )
        .select_from(_DONE)
        .join(AUDIT, AUDIT.c.audit_id == func.coalesce(begun, _DONE.c.audit_id))
        .where(_DONE.c.outcome == outcome, ~completed)
    )


def _narrowed(filters: AuditFilters) -> Select[Any]:
    if filters.outcome is None:
        statement, entry = _with_completion(), AUDIT.c
    else:
        statement, entry = _with_outcome(filters.outcome), _DONE.c
    equal = (
        (entry.org_id, filters.org_id),
        (entry.actor, filters.actor),
        (entry.action, filters.action),
        (entry.link_id, filters.link_id),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if filters.since is not None:
        statement = statement.where(entry.at >= filters.since)
    if filters.until is not None:
        statement = statement.where(entry.at < filters.until)
    return statement


def org_audit_statement(org_id: str) -> Select[Any]:
    """An organization's entries, each with how it went."""
    return _with_completion().where(AUDIT.c.org_id == org_id)


def audit_row(row: Row) -> AuditRow:
    """One entry."""
    return AuditRow(
        audit_id=row["audit_id"],
        at=row["at"],
        actor=row["actor"],
        role=row["role"],
        action=row["action"],
        outcome=row["outcome"],
        completed=row["completed"],
        org_id=row["org_id"],
        destination=row["destination"],
        subscription_id=row["subscription_id"],
        reason=row["reason"],
        detail=row["done_detail"] or row["detail"],
        link_id=row["link_id"],
    )
