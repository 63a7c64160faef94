"""Changes of entitlements, field by field."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing_core.queries.tables import CHANGES, ORGANIZATIONS, Row, fetch
from billing_core.rows import ChangeRow, FieldChange, Value

_TIMES = frozenset({"cancel_at", "current_period_end", "ends_at"})
_UNTOLD = frozenset({"last_event_id"})


def changes_by_event(
    connection: Connection, org_id: str, event_ids: Iterable[str]
) -> dict[str, tuple[FieldChange, ...]]:
    """What each of an org's events changed of its entitlement."""
    wanted = set(event_ids)
    if not wanted:
        return {}
    c = CHANGES.c
    statement = select(c.event_id, c.before, c.after).where(
        c.org_id == org_id, c.event_id.in_(wanted)
    )
    rows = fetch(connection, statement.order_by(c.change_id))
    return {row["event_id"]: field_changes(row["before"], row["after"]) for row in rows}


def newest_changes(connection: Connection, *, limit: int = 20) -> tuple[ChangeRow, ...]:
    """The changes of any organization's entitlement that were made last, as they happened."""
    c, o = CHANGES, ORGANIZATIONS
    rows = fetch(
        connection,
        select(c, o.c.name)
        .join(o, o.c.org_id == c.c.org_id, isouter=True)
        .order_by(c.c.change_id.desc())
        .limit(limit),
    )
    changes = [change_row(row) for row in rows]
    return tuple(sorted(changes, key=lambda each: each.happened_at, reverse=True))


def change_row(row: Row) -> ChangeRow:
    """One row of ``entitlement_changes`` with its organization's name."""
    return ChangeRow(
        change_id=row["change_id"],
        org_id=row["org_id"],
        name=row["name"],
        changed_at=row["changed_at"],
        happened_at=row["event_created"] or row["changed_at"],
        event_id=row["event_id"],
        cause=row["cause"],
        changes=field_changes(row["before"], row["after"]),
    )


def field_changes(
    before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """The fields in which two states of an entitlement differ."""
    old = before or {}
    return tuple(
        FieldChange(name, _value(name, old.get(name)), _value(name, value))
        for name, value in after.items()
        if name not in _UNTOLD and old.get(name) != value
    )


def _value(name: str, value: Any) -> Value:  # noqa: ANN401 - any JSON value
    if name in _TIMES and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value if isinstance(value, str | int | bool) else None
