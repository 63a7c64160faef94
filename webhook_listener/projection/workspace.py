"""The rows of one batch: read once, changed in memory, written together at the end."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, update
from sqlmodel import SQLModel

from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.tables import Outcome
from webhook_listener.projection.revenue import RevenueMoves
from webhook_listener.projection.states import StateMoves
from webhook_listener.row_sql import row_sql

Row = Mapping[str, Any]

_CHANGES = SQLModel.metadata.tables["entitlement_changes"]
_CUSTOMERS = SQLModel.metadata.tables["customers"]
_EVENTS = SQLModel.metadata.tables["webhook_events"]
_LINKS = SQLModel.metadata.tables["portal_links"]
_ADOPT = (
    update(_EVENTS)
    .where(
        _EVENTS.c.customer_id == bindparam("key"),
        _EVENTS.c.org_id.is_distinct_from(bindparam("to")),
        _EVENTS.c.outcome != Outcome.PENDING.value,
    )
    .values(org_id=bindparam("to"))
)


class Workspace:
    """All that a batch reads and writes of the projected tables, as it stands by now.

    The caller holds the projection lock, so nobody else writes these rows meanwhile. ``flush``
    writes what has changed; until then the database has none of it. ``events`` are at hand and need
    not be read from the inbox.
    """

    def __init__(self, connection: Connection, events: Iterable[InboxEvent] = ()) -> None:
        self.connection = connection
        self.events = {event.event_id: event for event in events}
        self._held: dict[str, _Held] = {}
        self._changes: list[Row] = []
        self._moved: list[tuple[str, str]] = []
        self._moves = StateMoves()

    def by(self, table: Table, column: str, keys: Iterable[str]) -> list[Row]:
        """The whole rows whose ``column`` is one of ``keys``. Change them only by ``put``."""
        return self._of(table).by(column, dict.fromkeys(keys))

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Make or change rows; columns that a row does not name stay, or are null in a new one."""
        self._of(table).put(list(rows))

    def remove(self, table: Table, keys: Iterable[str]) -> None:
        """Take away the rows with these primary keys, where they are."""
        self._of(table).remove(list(keys))

    def changed(self, table: Table) -> list[tuple[Row | None, Row | None]]:
        """What stood in the database and what stands now, for each row that ``flush`` will write."""
        return self._of(table).changed()

    def tell_change(self, change: Row) -> None:
        """Add a row to the history of entitlements, and count it among the states."""
        self._changes.append(change)
        at = change["event_created"] or change["changed_at"]
        self._moves.changed(change["before"], change["after"], at)

    def tell_gone(self, entitlements: Iterable[Row]) -> None:
        """Count orgs out whose rows are about to be removed."""
        for entitlement in entitlements:
            self._moves.gone(entitlement)

    def move_history(self, old: str, new: str) -> None:
        """Let the changes and links of one org be another's."""
        self._changes = [
            {**change, "org_id": new} if change["org_id"] == old else change
            for change in self._changes
        ]
        self._moved.append((old, new))

    def flush(self) -> None:
        """Write everything that has changed."""
        for table in (_CHANGES, _LINKS):
            for old, new in self._moved:
                moved = update(table).where(table.c.org_id == old).values(org_id=new)
                self.connection.execute(moved)
        self._moved = []
        self._adopt_events()
        revenue = RevenueMoves()
        for name, held in self._held.items():
            revenue.changed(name, held.flush())
        revenue.write(self.connection)
        row_sql(_CHANGES, self.connection.dialect.name).insert(self.connection, self._changes)
        self._changes = []
        self._moves.write(self.connection, datetime.now(UTC))

    def _adopt_events(self) -> None:
        """Events that came before their customer, or under its old org, follow it to its org.

        Those that are pending get theirs with their outcome.
        """
        moved = [
            {"key": new["customer_id"], "to": new["org_id"]}
            for old, new in self.changed(_CUSTOMERS)
            if new is not None and (old is None or old["org_id"] != new["org_id"])
        ]
        if moved:
            self.connection.execute(_ADOPT, moved)

    def _of(self, table: Table) -> "_Held":
        held = self._held.get(table.name)
        if held is None:
            held = self._held[table.name] = _Held(self.connection, table)
        return held


class _Held:
    """One table's part. ``rows`` holds None for a key that is known to have no row.

    ``groups`` tells for a column and a value which primary keys have it; a value that is there has
    all of its rows in ``rows``. ``originals`` keeps what the database has of changed rows.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._sql = row_sql(table, connection.dialect.name)
        self._empty: dict[str, Any] = dict.fromkeys(self._sql.columns)
        self._rows: dict[str, Row | None] = {}
        self._groups: dict[str, dict[str, dict[str, None]]] = {}
        self._originals: dict[str, Row | None] = {}

    def by(self, column: str, keys: Iterable[str]) -> list[Row]:
        if column == self._sql.key:
            self._load(keys)
            return [row for key in keys if (row := self._rows[key]) is not None]
        groups = self._groups.setdefault(column, {})
        self._load_groups(column, groups, [key for key in keys if key not in groups])
        return [row for key in keys for one in groups[key] if (row := self._rows[one]) is not None]

    def put(self, rows: Sequence[Row]) -> None:
        self._load([row[self._sql.key] for row in rows])
        for row in rows:
            key = row[self._sql.key]
            self._replace(key, {**(self._rows[key] or self._empty), **row})

    def remove(self, keys: Sequence[str]) -> None:
        self._load(keys)
        for key in keys:
            self._replace(key, None)

    def changed(self) -> list[tuple[Row | None, Row | None]]:
        return [
            (original, self._rows[key])
            # One order of locking everywhere, so that two writers can never wait for each other.
            for key, original in sorted(self._originals.items())
            if original != self._rows[key]
        ]

    def flush(self) -> list[tuple[Row | None, Row | None]]:
        """Write what has changed; what it was and is now."""
        changes = self.changed()
        key = self._sql.key
        gone = [old[key] for old, new in changes if new is None and old is not None]
        self._sql.delete(self._connection, gone)
        for column in self._sql.unique:  # so that rows can pass a unique value on
            leaving = [
                old[key]
                for old, new in changes
                if old and new and old[column] is not None and old[column] != new[column]
            ]
            self._sql.let_go(self._connection, column, leaving)
        stays = [(old, new) for old, new in changes if new is not None]
        self._sql.write(self._connection, stays)
        self._originals.clear()
        return changes

    def _load(self, keys: Iterable[str]) -> None:
        missing = [key for key in keys if key not in self._rows]
        if missing:
            self._rows.update(dict.fromkeys(missing))
            for row in self._sql.select_by(self._connection, self._sql.key, missing):
                self._rows[row[self._sql.key]] = row

    def _load_groups(
        self, column: str, groups: dict[str, dict[str, None]], missing: Sequence[str]
    ) -> None:
        if not missing:
            return
        for row in self._sql.select_by(self._connection, column, missing):
            self._rows.setdefault(row[self._sql.key], row)  # what is held may be newer
        groups.update((key, {}) for key in missing)
        wanted = set(missing)
        for key, held in self._rows.items():
            if held is not None and held[column] in wanted:
                groups[held[column]][key] = None

    def _replace(self, key: str, new: Row | None) -> None:
        old = self._rows[key]
        if old == new:
            return
        self._originals.setdefault(key, old)
        self._rows[key] = new
        for column, groups in self._groups.items():
            if old is not None and old[column] in groups:
                groups[old[column]].pop(key, None)
            if new is not None and new[column] in groups:
                groups[new[column]][key] = None
