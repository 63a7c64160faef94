"""The database opened for reading alone: the connection itself refuses every write.

Whoever reads through here cannot write even by mistake. On SQLite the file is opened ``mode=ro``
and an authorizer lets nothing but reading through. On PostgreSQL every transaction is read-only
and a role that could write is refused.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlmodel import SQLModel

import billing_core.tables  # noqa: F401 - fills the metadata
from billing_core.errors import DatabaseUnavailableError, SettingsError
from billing_core.settings import settings

STATEMENT_TIMEOUT_MS = 5000
_READING = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
    }
)
# SQLAlchemy asks for the first; the second tells whether another connection has written.
_HARMLESS_PRAGMAS = frozenset({"read_uncommitted", "data_version"})

# What the server does to speed a long statement up costs a short one more than all of it, and one
# person's statement the processors that others wait for.
_MANY_SHORT_STATEMENTS = "-c jit=off -c max_parallel_workers_per_gather=0"
# What is searched for decides how it is best found: a plan made for any text suits none.
_PLANNED_EACH_TIME = "-c plan_cache_mode=force_custom_plan"

_ROLE_CAN_WRITE = text(
    """
    SELECT r.rolsuper
        OR has_schema_privilege(current_schema(), 'CREATE')
        OR EXISTS (
            SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
              AND c.relname = ANY(:tables)
              AND (has_any_column_privilege(c.oid, 'INSERT')
                OR has_any_column_privilege(c.oid, 'UPDATE')
                OR has_table_privilege(c.oid, 'DELETE')
                OR has_table_privilege(c.oid, 'TRUNCATE')
                OR pg_has_role(c.relowner, 'MEMBER')))
    FROM pg_roles r WHERE r.rolname = current_user
    """
)


class Reader:
    """Short read-only connections, each one consistent snapshot; nothing is held in between."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._role_checked = engine.dialect.name != "postgresql"

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One read-only snapshot. Keep it for a few queries, never while waiting for a person.

        Raises DatabaseUnavailableError with a sentence when the database cannot be reached, has
        not been set up, or takes too long; SettingsError when the connection could write.
        """
        try:
            with self._engine.connect() as connection:
                self._refuse_a_writing_role(connection)
                yield connection
        except DBAPIError as error:
            raise _unavailable(error) from error

    def check(self) -> None:
        """Connect once and see that the tables are there. Raises as ``connect`` does."""
        with self.connect() as connection:
            connection.execute(text("SELECT 1 FROM plan_entitlements LIMIT 1")).first()

    def dispose(self) -> None:
        """Close whatever is still open."""
        self._engine.dispose()

    def _refuse_a_writing_role(self, connection: Connection) -> None:
        if self._role_checked:
            return
        if connection.execute(_ROLE_CAN_WRITE, {"tables": list(SQLModel.metadata.tables)}).scalar():
            raise SettingsError(
                "DATABASE_READ_URL names a role that can write. The console reads only: make a"
                " role with SELECT alone with `billing-listener migrate --grant`, and name that."
            )
        self._role_checked = True


def reader(url: str | None = None) -> Reader:
    """A reader of ``url``, by default of ``DATABASE_READ_URL``.

    Nothing is opened yet. Raises SettingsError for a URL that cannot be used.
    """
    chosen = url if url is not None else settings().database_read_url
    if not chosen:
        raise SettingsError(
            "DATABASE_READ_URL is not set. On PostgreSQL the console needs a role of its own that"
            " can only read: make one with `billing-listener migrate --grant`, and name it there."
        )
    try:
        parsed = make_url(chosen)
    except ArgumentError:
        raise SettingsError(
            "DATABASE_READ_URL is not a database URL. It starts with sqlite:/// or"
            " postgresql+psycopg://."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        return Reader(_sqlite(parsed))
    if parsed.drivername == "postgresql+psycopg":
        return Reader(_postgresql(parsed))
    raise SettingsError(
        f"DATABASE_READ_URL starts with {parsed.drivername}://, which is not supported. It starts"
        " with sqlite:/// or postgresql+psycopg://."
    )


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError(
            "DATABASE_READ_URL names an SQLite database in memory, which only one process could"
            " see. Name a file: sqlite:///var/billing.sqlite3."
        )
    path = Path(url.database).absolute()
    address = f"file:{quote(str(path))}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=5, isolation_level=None, check_same_thread=False
        )
        connection.create_function("casefold", 1, _casefold, deterministic=True)
        connection.execute("PRAGMA query_only=ON")
        connection.set_authorizer(_let_reading_through)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _one_snapshot(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        # None beyond the pool: a connection of its own for a crowded moment costs the server more
        # than what is asked over it. The one used last is warm, so it is used next.
        pool_size=12,
        max_overflow=0,
        pool_use_lifo=True,
        pool_recycle=1800,
        pool_timeout=5,
        isolation_level="REPEATABLE READ",
        hide_parameters=True,
        connect_args={
            "connect_timeout": 3,
            "application_name": "billing_console",
            "options": "-c default_transaction_read_only=on"
            f" -c statement_timeout={STATEMENT_TIMEOUT_MS}"
            f" {_MANY_SHORT_STATEMENTS} {_PLANNED_EACH_TIME}",
        },
    )


def _casefold(value: object) -> str | None:
    return value.casefold() if isinstance(value, str) else None


def _let_reading_through(
    action: int, first: str | None, second: str | None, *_database: str | None
) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        allowed = first in _HARMLESS_PRAGMAS and second is None
    elif action == sqlite3.SQLITE_UPDATE:
        # Asked while a full-text index is opened, which writes nothing. SQLite itself refuses any
        # statement that would change the schema's own table.
        allowed = first == "sqlite_master"
    else:
        allowed = action in _READING
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _unavailable(error: DBAPIError) -> DatabaseUnavailableError:
    original: Any = error.orig
    state = getattr(original, "sqlstate", None)
    words = str(original)
    if state == "42P01" or "no such table" in words:
        return DatabaseUnavailableError(
            "The database has no tables yet. Start the listener once: it sets them up."
        )
    if state == "57014":
        return DatabaseUnavailableError(
            "The database took too long to answer and was not waited for. Nothing was lost; try"
            " again, or narrow the search."
        )
    if state == "42501":
        return DatabaseUnavailableError(
            "The role that DATABASE_READ_URL names may not read the tables. Let it with"
            " `billing-listener migrate --grant`, then try again."
        )
    if isinstance(error, OperationalError):
        return DatabaseUnavailableError(
            "The database cannot be read at the moment. Nothing was lost: Stripe keeps what it"
            " sends until it is stored. Check that the listener runs and that DATABASE_READ_URL"
            " names its database, then try again."
        )
    return DatabaseUnavailableError(
        "The database did not understand what the console asked. Its tables are probably of"
        " another version: run `billing-listener migrate`, then try again."
    )
