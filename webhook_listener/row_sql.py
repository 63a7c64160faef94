"""Rows read and written in bulk, by SQL text made once for each table.

SQLAlchemy's own execution looks at every parameter of every row, and under load that costs more
than the database does. What is written here reads the same through SQLAlchemy.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Connection, CursorResult, Table

from billing_core.tables import UTCDateTime

Row = Mapping[str, Any]
Change = tuple[Row | None, Row]
Converters = Mapping[str, Callable[[Any], Any]]


class RowSql:
    """One table's statements as PostgreSQL takes them; ``row_sql`` gives the right dialect's."""

    mark = "%s"
    is_one_of = "= ANY(%s)"
    one_writer = False

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.key = table.primary_key.columns.keys()[0]
        self.unique = tuple(column.name for column in table.columns if column.unique)
        keys = table.primary_key.columns.keys()
        overwritten = [f'"{name}" = excluded."{name}"' for name in self.columns if name not in keys]
        self.overwrite = f"ON CONFLICT ({_names(keys)}) DO UPDATE SET {', '.join(overwritten)}"
        self.decoders: Converters = {
            column.name: _in_utc for column in table.columns if isinstance(column.type, UTCDateTime)
        }

    def select_by(
        self, connection: Connection, column: str, keys: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The whole rows whose ``column`` is one of ``keys``."""
        found = connection.exec_driver_sql(self._select(column), (self.as_list(keys),))
        return [
            dict(zip(self.columns, values, strict=True))
            for values in self.decoded(self.columns, found)
        ]

    def decoded(self, names: tuple[str, ...], found: CursorResult[Any]) -> list[list[Any]]:
        """All rows found, of the columns ``names``, with the values that Python knows them by."""
        decoders = self._decoders_at(names)
        with closing(found):
            made = [list(row) for row in found.cursor.fetchall()]
        for position, decode in decoders:
            for row in made:
                if row[position] is not None:
                    row[position] = decode(row[position])
        return made

    def moment(self, at: datetime) -> Any:  # noqa: ANN401 - what the driver takes
        """A time as a parameter."""
        return at

    def insert(self, connection: Connection, rows: Sequence[Row], *, then: str = "") -> None:
        """Insert ``rows``, all with the same columns; ``then`` is the ON CONFLICT clause."""
        if rows:
            self.execute_insert(connection, tuple(rows[0]), rows, then)

    def write(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Write whole rows, each beside what the database has of it: None for a new one.

        All are overwritten at once: PostgreSQL compares before it writes to an index.
        """
        self.insert(connection, [new for _, new in changes], then=self.overwrite)

    def delete(self, connection: Connection, keys: Sequence[str]) -> None:
        """Take away the rows with these primary keys."""
        self._change(connection, f"DELETE FROM {self.name}", keys)  # noqa: S608 - our own names

    def let_go(self, connection: Connection, column: str, keys: Sequence[str]) -> None:
        """Set ``column`` to null in the rows with these primary keys."""
        self._change(connection, f'UPDATE {self.name} SET "{column}" = NULL', keys)  # noqa: S608 - our own names

    def change(
        self,
        connection: Connection,
        rows: Sequence[Row],
        *,
        also: str = "",
    ) -> None:
        """Set the columns that ``rows``, all with the same ones, name beside the primary key.

        ``also`` is SQL that follows those assignments.
        """
        if rows:
            self.execute_change(connection, tuple(rows[0]), rows, also)

    def execute_change(
        self, connection: Connection, names: tuple[str, ...], rows: Sequence[Row], also: str
    ) -> None:
        """One statement with all rows as JSON."""
        statement = _update_json(self.name, self.key, names, also)
        connection.exec_driver_sql(statement, (orjson.dumps(rows).decode(),))

    def as_list(self, keys: Sequence[str]) -> Any:  # noqa: ANN401 - what the driver takes
        """Keys as the one parameter that ``is_one_of`` compares with."""
        return list(keys)

    def execute_insert(
        self, connection: Connection, names: tuple[str, ...], rows: Sequence[Row], then: str
    ) -> None:
        """One statement with all rows as JSON, which is parsed on the server's time."""
        connection.exec_driver_sql(
            _insert_json(self.name, names, then), (orjson.dumps(rows).decode(),)
        )

    def _change(self, connection: Connection, statement: str, keys: Sequence[str]) -> None:
        if keys:
            condition = f'WHERE "{self.key}" {self.is_one_of}'
            connection.exec_driver_sql(f"{statement} {condition}", (self.as_list(keys),))

    @cache  # noqa: B019 - there is one object a table, kept for good
    def _decoders_at(self, names: tuple[str, ...]) -> list[tuple[int, Callable[[Any], Any]]]:
        return [
            (position, self.decoders[name])
            for position, name in enumerate(names)
            if name in self.decoders
        ]

    @cache  # noqa: B019 - there is one object a table, kept for good
    def _select(self, column: str) -> str:
        return f'SELECT {_names(self.columns)} FROM {self.name} WHERE "{column}" {self.is_one_of}'  # noqa: S608 - our own names


class SqliteRowSql(RowSql):
    """The same for SQLite, which keeps text and numbers only and knows no arrays."""

    mark = "?"
    is_one_of = "IN (SELECT value FROM json_each(?))"
    one_writer = True

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        decode = {UTCDateTime: _from_text, JSON: orjson.loads, Boolean: bool}
        encode = {UTCDateTime: _to_text, JSON: _to_json}
        self.decoders = _by_type(table, decode)
        self._encoders = _by_type(table, encode)

    def as_list(self, keys: Sequence[str]) -> Any:  # noqa: ANN401 - what the driver takes
        """A JSON array."""
        return orjson.dumps(keys).decode()

    def moment(self, at: datetime) -> Any:  # noqa: ANN401 - what the driver takes
        """Text, as SQLAlchemy writes it."""
        return _to_text(at)

    def write(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Only columns that differ: SQLite writes to each index that has a column named in SET."""
        groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for old, new in changes:
            if old is not None:
                differing = [name for name in self.columns if old[name] != new[name]]
                groups[self.key, *differing].append(new)
        super().write(connection, [(old, new) for old, new in changes if old is None])
        for names, rows in groups.items():
            self.execute_change(connection, names, rows, "")

    def execute_insert(
        self, connection: Connection, names: tuple[str, ...], rows: Sequence[Row], then: str
    ) -> None:
        """One prepared statement, run for each row."""
        statement = _insert_values(self.name, names, then)
        connection.exec_driver_sql(statement, self._encoded(names, rows))

    def execute_change(
        self, connection: Connection, names: tuple[str, ...], rows: Sequence[Row], also: str
    ) -> None:
        """One prepared statement, run for each row."""
        ordered = (*(name for name in names if name != self.key), self.key)
        statement = _update_values(self.name, ordered, also)
        connection.exec_driver_sql(statement, self._encoded(ordered, rows))

    def _encoded(self, names: tuple[str, ...], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """The rows' values column by column, because most columns need nothing done to them."""
        columns = []
        for name in names:
            values = [row[name] for row in rows]
            encode = self._encoders.get(name)
            if encode is not None:
                values = [None if value is None else encode(value) for value in values]
            columns.append(values)
        return list(zip(*columns, strict=True))


@cache
def row_sql(table: Table, dialect: str) -> RowSql:
    """The statements of ``table`` in ``dialect``."""
    return SqliteRowSql(table) if dialect == "sqlite" else RowSql(table)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@cache
def _insert_json(table: str, names: tuple[str, ...], then: str) -> str:
    return (
        f"INSERT INTO {table} ({_names(names)}) SELECT {_names(names)}"  # noqa: S608 - our own names
        f" FROM json_populate_recordset(NULL::{table}, %s) {then}"
    )


@cache
def _insert_values(table: str, names: tuple[str, ...], then: str) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({_names(names)}) VALUES ({marks}) {then}"  # noqa: S608 - our own names


@cache
def _update_json(table: str, key: str, names: tuple[str, ...], also: str) -> str:
    changes = [f'"{name}" = changed."{name}"' for name in names if name != key]
    return (
        f"UPDATE {table} SET {', '.join(changes)}{also}"  # noqa: S608 - our own names
        f" FROM json_populate_recordset(NULL::{table}, %s) AS changed"
        f' WHERE {table}."{key}" = changed."{key}"'
    )


@cache
def _update_values(table: str, ordered: tuple[str, ...], also: str) -> str:
    *names, key = ordered
    changes = ", ".join(f'"{name}" = ?' for name in names)
    return f'UPDATE {table} SET {changes}{also} WHERE "{key}" = ?'  # noqa: S608 - our own names


def _by_type(table: Table, converters: Mapping[type, Callable[[Any], Any]]) -> Converters:
    return {
        column.name: convert
        for column in table.columns
        for kind, convert in converters.items()
        if isinstance(column.type, kind)
    }


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _from_text(value: str) -> datetime:
    return datetime.fromisoformat(value + "+00:00")


def _to_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()
