"""The writer's engine, its kinds of transaction, and which database errors pass by themselves.

A *durable* transaction is on disk when it ends: what was acknowledged, what was audited. A
*derived* one holds only what the inbox can give again (projected rows, outcomes), so a power cut
may take it back; the next durable one makes it durable too, because both share one log.

Whoever writes projected rows does it in a ``projecting_transaction`` or a ``projection_round``:
one at a time on a database, whatever process it is in.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from billing_core.errors import SettingsError
from webhook_listener.file_lock import file_lock

BUSY_TIMEOUT_MS = 5_000
# Where no projector takes care of it: 64 MB.
_LONGEST_LOG_PAGES = 16_384
_LONG_LOG_PAGES = 4_096
_PROJECTION_LOCK = 7_201_001
_AUDIT_LOCK = 7_201_002
_STATE_LOCK = 7_201_004
_LINKS_LOCK = 7_201_005
# Each of these says something about the database, not about the rows that were being written:
# https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLITE_TROUBLE = frozenset({5, 6, 7, 8, 10, 11, 13, 14, 15, 22, 26})
_POSTGRESQL_TROUBLE = ("08", "25", "40", "53", "55", "57", "58")


def writer_engine(database_url: str) -> Engine:
    """The engine that writes ``database_url``; a SQLite file's folder is made.

    Raises SettingsError naming ``DATABASE_URL`` for anything but a SQLite file or psycopg.
    """
    url = _checked_url(database_url)
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=3,
        max_overflow=2,
        connect_args={"connect_timeout": 5, "application_name": "billing-listener"},
    )
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _checked_url(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise SettingsError(
            "DATABASE_URL cannot be read. Use sqlite:///path/to/file or postgresql+psycopg://…"
        ) from None
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise SettingsError(
            f"DATABASE_URL names {url.drivername}, which is not supported."
            " Use sqlite:///path/to/file or postgresql+psycopg://…"
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError(
            "DATABASE_URL names a SQLite database in memory, which would lose every event."
            " Use sqlite:///path/to/file."
        )
    return url


def _sqlite_engine(url: URL) -> Engine:
    folder = Path(str(url.database)).resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"DATABASE_URL needs the folder {folder}, which cannot be made: {error.strerror}."
        ) from None
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - a raw driver handle
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-32768",
        "temp_store=MEMORY",
        f"wal_autocheckpoint={_LONGEST_LOG_PAGES}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    derived = connection.get_execution_options().get("derived", False)
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if derived else 'FULL'}")
    # A deferred transaction that turns into a writer fails at once when another one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("derived", False):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


@contextmanager
def durable_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk once it has ended."""
    with _turn_to_write(engine), engine.begin() as connection:
        yield connection


@contextmanager
def derived_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction of rows that the inbox can give again."""
    with (
        _turn_to_write(engine),
        engine.connect().execution_options(derived=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def reading_transaction(engine: Engine) -> Iterator[Connection]:
    """One consistent look that keeps no writer waiting."""
    with engine.connect().execution_options(reads=True) as connection, connection.begin():
        yield connection


@contextmanager
def projecting_transaction(engine: Engine, *, durable: bool = False) -> Iterator[Connection]:
    """A transaction in which projected rows may be written; nobody else writes any meanwhile."""
    transaction = durable_transaction if durable else derived_transaction
    with _turn_to_project(engine), transaction(engine) as connection:
        _lock(connection, _PROJECTION_LOCK)
        yield connection


class ProjectionRound:
    """Reads first, then a derived transaction, both on ``connection``."""

    def __init__(self, connection: Connection, held: ExitStack) -> None:
        self.connection = connection
        self._held = held

    def begin_writing(self) -> bool:
        """From here on rows may be written, and are all written or none.

        Returns whether the inbox may have changed since the round began; projected rows have not.
        """
        if self.connection.dialect.name != "sqlite":
            return False
        self.connection.exec_driver_sql("COMMIT")
        self._held.enter_context(_turn_to_write(self.connection.engine))
        self.connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        self.connection.exec_driver_sql("BEGIN IMMEDIATE")
        return True


@contextmanager
def projection_round(engine: Engine) -> Iterator[ProjectionRound]:
    """A look at the rows, and then their new ones; nobody else writes projected rows meanwhile.

    SQLite lets one process write at a time, so what is read and computed before
    ``begin_writing`` keeps no acknowledgement waiting.
    """
    if engine.dialect.name != "sqlite":
        with ExitStack() as held, projecting_transaction(engine) as connection:
            yield ProjectionRound(connection, held)
        return
    with (
        _turn_to_project(engine),
        ExitStack() as held,
        reading_transaction(engine) as connection,
    ):
        yield ProjectionRound(connection, held)


def shorten_log(engine: Engine) -> None:
    """Bring what SQLite's write-ahead log holds into the database; nothing on PostgreSQL.

    Mostly done while others write. Only a log that has become long is finished in a turn to write,
    because it begins anew only when nobody has added to it meanwhile.
    """
    if engine.dialect.name != "sqlite":
        return
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        _, pages, _ = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > _LONG_LOG_PAGES:
            with _turn_to_write(engine):
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _turn_to_project(engine: Engine) -> AbstractContextManager[None]:
    return file_lock(engine, "projecting")


def _turn_to_write(engine: Engine) -> AbstractContextManager[None]:
    # SQLite's own lock is not waited for but asked for again and again, ever less often.
    return file_lock(engine, "writing")


def lock_audit(connection: Connection) -> None:
    """Let one listener at a time extend the audit chain; held until the transaction ends."""
    _lock(connection, _AUDIT_LOCK)


def lock_links(connection: Connection) -> None:
    """Let one listener at a time decide what came of links and count them. Taken last of all."""
    _lock(connection, _LINKS_LOCK)


def lock_state(connection: Connection) -> None:
    """Let one listener at a time decide on the lease; held until the transaction ends."""
    _lock(connection, _STATE_LOCK)


def _lock(connection: Connection, key: int) -> None:
    # SQLite needs none: BEGIN IMMEDIATE lets one writer in at a time.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")


def is_database_trouble(error: BaseException) -> bool:
    """Whether ``error`` tells of the database itself (full, away, locked), not of the rows."""
    if isinstance(error, OSError):  # a lock's file cannot be made or opened
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in _SQLITE_TROUBLE
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_POSTGRESQL_TROUBLE)
    return isinstance(error, OperationalError)
