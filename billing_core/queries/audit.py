"""The audit log, read: who did what for whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
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


def audit_entries(
    connection: Connection,
    filters: AuditFilters | None = None,
    *,
    after: str | None = None,
    limit: int = 50,
) -> AuditPage:
    """The newest entries first, each with how it went.

    An entry that only completes an earlier one is shown with that. ``outcome`` filters by how it
    went. ``after`` is the ``next_cursor`` of the page before.
    """
    statement = _with_completion().where(*_conditions(filters or AuditFilters()))
    position = decode_cursor(after, 1)
    if position is not None and isinstance(position[0], int):
        statement = statement.where(AUDIT.c.audit_id < position[0])
    rows = fetch(connection, statement.order_by(AUDIT.c.audit_id.desc()).limit(limit + 1))
    cursor = encode_cursor((rows[limit - 1]["audit_id"],)) if len(rows) > limit else None
    return AuditPage(tuple(audit_row(row) for row in rows[:limit]), cursor)


_DONE = AUDIT.alias("done")


def _with_completion() -> Select[Any]:
    return (
        select(AUDIT, _DONE.c.outcome.label("completed"), _DONE.c.detail.label("done_detail"))
        .join(_DONE, _DONE.c.follows == AUDIT.c.audit_id, isouter=True)
        .where(AUDIT.c.follows.is_(None))
    )


def _conditions(filters: AuditFilters) -> list[ColumnElement[bool]]:
    a = AUDIT.c
    equal = ((a.org_id, filters.org_id), (a.actor, filters.actor), (a.action, filters.action))
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in equal if value is not None
    ]
    if filters.outcome is not None:
        went = func.coalesce(_DONE.c.outcome, a.outcome)
        conditions.append(went == filters.outcome)
    if filters.since is not None:
        conditions.append(a.at >= filters.since)
    if filters.until is not None:
        conditions.append(a.at < filters.until)
    return conditions


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
