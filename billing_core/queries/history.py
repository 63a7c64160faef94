"""How an organization's entitlement became what it is: its changes, oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing_core.entitlement import Entitlement
from billing_core.queries.tables import CHANGES, ENTITLEMENTS, Row, fetch
from billing_core.rows.past import Change

_FIELDS = tuple(Entitlement.__dataclass_fields__)
_TIMES = ("cancel_at", "current_period_end", "ends_at")


def entitlement_history(
    connection: Connection, org_id: str, *, limit: int | None = None
) -> tuple[Change, ...]:
    """The changes that led to the present entitlement, oldest first; the newest ``limit`` of them.

    An organization that took over another one's customer has that one's changes too: of these only
    what came before its own row counts, the rest never was what this organization had.
    """
    c = CHANGES.c
    statement = (
        select(c.change_id, c.changed_at, c.event_created, c.before, c.after)
        .where(c.org_id == org_id)
        .order_by(c.change_id.desc())
    )
    rows = fetch(connection, statement if limit is None else statement.limit(limit))
    return _in_time(_own(rows, _present(connection, org_id))[::-1])


def _present(connection: Connection, org_id: str) -> Entitlement | None:
    columns = [ENTITLEMENTS.c[name] for name in _FIELDS]
    rows = fetch(connection, select(*columns).where(ENTITLEMENTS.c.org_id == org_id))
    return Entitlement(**rows[0]) if rows else None


def _own(newest_first: Sequence[Row], present: Entitlement | None) -> list[Row]:
    """The rows that lead from one to the next up to the present one."""
    own: list[Row] = []
    expected = present
    for row in newest_first:
        after = _entitlement(row["after"])
        if expected is None or _same(after, expected):
            own.append(row)
            expected = _entitlement(row["before"]) if row["before"] is not None else None
    return own


def _same(one: Entitlement, other: Entitlement) -> bool:
    """Whether two states mean the same, whichever event told of them last."""
    return replace(one, last_event_id=None) == replace(other, last_event_id=None)


def _in_time(rows: Sequence[Row]) -> tuple[Change, ...]:
    """Each change with a time that never goes back.

    What came late is placed where it took effect: an earlier place would show what later events
    had brought before they happened.
    """
    changes: list[Change] = []
    for row in rows:
        at: datetime = row["event_created"] or row["changed_at"]
        if changes:
            at = max(at, changes[-1].at)
        changes.append(Change(at, row["changed_at"], _entitlement(row["after"])))
    return tuple(changes)


def _entitlement(values: Mapping[str, Any]) -> Entitlement:
    told: dict[str, Any] = {name: values.get(name) for name in _FIELDS}
    for name in _TIMES:
        if told[name] is not None:
            told[name] = datetime.fromisoformat(told[name])
    return Entitlement(**told)
