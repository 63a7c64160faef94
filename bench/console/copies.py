"""The stored template multiplied inside the database, under other ids and in other towns.

Roll-ups are multiplied too, so that they agree with the copied rows. Payloads keep the template's
ids inside, since they are compressed.
"""

import sys
from collections.abc import Mapping, Sequence

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Integer,
    String,
    Table,
    bindparam,
    cast,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy import column as bare_column
from sqlalchemy import table as bare_table
from sqlalchemy.sql import ColumnElement, FromClause
from sqlmodel import AutoString, SQLModel

from bench.console.names import TEMPLATE_TOWN, town
from bench.console.objects import MARK

COPIED = (
    "customers",
    "organizations",
    "subscriptions",
    "plan_entitlements",
    "entitlement_changes",
    "cancellations",
    "webhook_events",
    "webhook_payloads",
    "drift",
)
# Counts over all organizations, by the columns that are counts.
SUMMED: Mapping[str, Sequence[str]] = {
    "event_rollups": ("events", "deliveries"),
    "event_lags": ("events",),
    "event_versions": ("events",),
    "state_rollups": ("more",),
    "revenue_rollups": ("entries", "with_amount", "amount"),
}
# The same in every copy, or written for all copies by themselves.
SHARED = (
    "prices",
    "products",
    "listener_state",
    "portal_links",
    "link_visits",
    "link_rollups",
    "audit_log",
)
_A_COMMIT = 5
# Copies came to be at the same times, which would be a hundred of one name on a page of the newest:
# each copy calls its organizations by the names of others.
_STRIDE = 4_421
_NAMED = """
    CREATE TEMPORARY TABLE template_names AS SELECT org_id, name, email,
        row_number() OVER (ORDER BY org_id) - 1 AS place, count(*) OVER () AS places
    FROM organizations
"""
_NAMES = bare_table(
    "template_names", *map(bare_column, ("org_id", "name", "email", "place", "places"))
)


def multiply(engine: Engine, copies: int) -> None:
    """Copy the template until it is there ``copies`` times; indexes are built afterwards."""
    tables = [SQLModel.metadata.tables[name] for name in COPIED]
    with engine.connect() as connection:  # one connection, because the templates are its own
        if engine.dialect.name == "sqlite":
            driver = connection.connection.cursor()  # outside any transaction
            driver.execute("PRAGMA cache_size=-1048576")
            driver.execute("PRAGMA temp_store=FILE")
        with connection.begin():
            indexes = _indexes(connection)
            for name in indexes:
                connection.execute(text(f"DROP INDEX {name}"))
            _write_without_a_log(connection, tables)
            for table in tables:
                made = f"CREATE TEMPORARY TABLE template_{table.name} AS SELECT * FROM {table.name}"  # noqa: S608 - our own names
                connection.execute(text(made))
            connection.execute(text(_NAMED))
            _multiply_counts(connection, copies)
        for first in range(1, copies, _A_COMMIT):
            with connection.begin():
                for copy in range(first, min(first + _A_COMMIT, copies)):
                    for table in tables:
                        _copy(connection, table, copy)
            _say(f"{min(first + _A_COMMIT, copies)} of {copies} copies")
        for name, definition in indexes.items():
            with connection.begin():
                connection.exec_driver_sql(definition)
            _say(f"index {name}")


def _indexes(connection: Connection) -> dict[str, str]:
    """The copied tables' indexes, but for those of their keys, each as the statement for it."""
    if connection.dialect.name == "sqlite":
        found = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN :tables"
        )
    else:
        found = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN :tables"
            " AND indexname LIKE 'ix\\_%'"
        )
    statement = text(found).bindparams(bindparam("tables", expanding=True))
    return {row[0]: row[1] for row in connection.execute(statement, {"tables": COPIED})}


def settle(engine: Engine) -> None:
    """What autovacuum and checkpoints would have done by and by."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    else:
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _write_without_a_log(connection: Connection, tables: Sequence[Table]) -> None:
    """On PostgreSQL; reading is the same, and a crash would cost a benchmark, no customer's data."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(text(f"ALTER TABLE {table.name} SET UNLOGGED"))
        connection.execute(text("SET maintenance_work_mem = '512MB'"))


def _multiply_counts(connection: Connection, copies: int) -> None:
    for name, columns in SUMMED.items():
        table = SQLModel.metadata.tables[name]
        connection.execute(
            table.update().values({column: table.c[column] * copies for column in columns})
        )


def _copy(connection: Connection, table: Table, copy: int) -> None:
    names = [column.name for column in table.columns if not _numbered(column)]
    template = _template(table.name, names, copy)
    sqlite = connection.dialect.name == "sqlite"
    values = [_value(table.c[name], template.c[name], copy, sqlite=sqlite) for name in names]
    connection.execute(table.insert().from_select(names, select(*values)))


def _template(of: str, names: Sequence[str], copy: int) -> FromClause:
    """The rows that a copy is made of."""
    template = bare_table(f"template_{of}", *(bare_column(name) for name in names))
    if of != "organizations":
        return template
    own, other = _NAMES.alias(), _NAMES.alias()
    called = [other.c[name] if name in ("name", "email") else template.c[name] for name in names]
    return (
        select(*called)
        .select_from(template)
        .join(own, own.c.org_id == template.c.org_id)
        .join(other, other.c.place == (own.c.place + copy * _STRIDE) % own.c.places)
        .subquery()
    )


def _numbered(column: Column[object]) -> bool:
    return column.primary_key and isinstance(column.type, Integer)


def _value(
    column: Column[object], value: ColumnElement[object], copy: int, *, sqlite: bool
) -> ColumnElement[object]:
    mark = f"x{int(MARK[1:]) + copy}"
    if column.name == "name":
        return func.replace(value, TEMPLATE_TOWN, town(copy))
    if isinstance(column.type, JSON):
        # Text to SQLite, which would read a cast as one to a number.
        replaced = func.replace(cast(value, String), MARK, mark)
        return type_coerce(replaced, JSON) if sqlite else cast(replaced, JSON)
    if isinstance(column.type, String | AutoString):
        return func.replace(value, MARK, mark)
    return value


def _say(what: str) -> None:
    sys.stderr.write(f"  {what}\n")
