"""Set-based reads and upserts that SQLite and PostgreSQL both take."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

Row = Mapping[str, Any]


def select_by(connection: Connection, table: Table, column: str, keys: Iterable[str]) -> list[Row]:
    """The whole rows whose ``column`` is one of ``keys``."""
    wanted = list(keys)
    if not wanted:
        return []
    statement = _select_statement(table, column)
    return fetch(connection, statement, {"keys": wanted})


def fetch(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """What ``statement`` selects, as plain mappings."""
    return [dict(row._mapping) for row in connection.execute(statement, parameters)]  # noqa: SLF001 - SQLAlchemy's public name


@cache
def _select_statement(table: Table, column: str) -> Executable:
    return select(table).where(table.c[column].in_(bindparam("keys", expanding=True)))


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert ``rows`` (all with the same columns) or overwrite those columns of what is there."""
    if not rows:
        return
    # One order of locking everywhere, so that two writers can never wait for each other.
    key = table.primary_key.columns.keys()[0]
    rows = sorted(rows, key=lambda row: str(row[key]))
    connection.execute(_upsert_statement(table, connection.dialect.name, tuple(rows[0])), rows)


@cache
def _upsert_statement(table: Table, dialect: str, columns: tuple[str, ...]) -> Executable:
    keys = table.primary_key.columns.keys()
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    rest = [name for name in columns if name not in keys]
    if dialect == "sqlite":
        lite = sqlite.insert(table).values(values)
        return lite.on_conflict_do_update(
            index_elements=keys, set_={name: lite.excluded[name] for name in rest}
        )
    post = postgresql.insert(table).values(values)
    return post.on_conflict_do_update(
        index_elements=keys, set_={name: post.excluded[name] for name in rest}
    )
