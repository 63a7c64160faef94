"""The read side's connection: it cannot write, and it says plainly when it cannot read."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, create_engine

from billing_core.database import Reader, reader
from billing_core.errors import DatabaseUnavailableError, SettingsError


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one organization, to copy."""
    path = tmp_path_factory.mktemp("filled") / "billing.sqlite3"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql(
            "INSERT INTO organizations (org_id, name) VALUES ('org_1', 'Éclair Ltd')"
        )
    engine.dispose()
    return path


@pytest.fixture(params=["plain.sqlite3", "a space & 100% ünïcode ? #1.sqlite3"])
def database_file(filled: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return shutil.copyfile(filled, tmp_path / str(request.param))


@pytest.fixture
def read(database_file: Path) -> Reader:
    return reader(f"sqlite:///{database_file}".replace("?", "%3F"))


WRITES = [
    "INSERT INTO organizations (org_id) VALUES ('org_2')",
    "UPDATE organizations SET name = 'x'",
    "DELETE FROM organizations",
    "REPLACE INTO organizations (org_id) VALUES ('org_1')",
    "CREATE TABLE mine (a)",
    "CREATE TEMP TABLE mine (a)",
    "CREATE INDEX mine ON organizations (name)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE TRIGGER mine AFTER INSERT ON organizations BEGIN SELECT 1; END",
    "ALTER TABLE organizations ADD COLUMN mine",
    "DROP TABLE organizations",
    "ATTACH DATABASE 'other.sqlite3' AS other",
    "ATTACH DATABASE ':memory:' AS other",
    "DETACH DATABASE main",
    "PRAGMA query_only=OFF",
    "PRAGMA query_only(0)",
    "PRAGMA journal_mode=DELETE",
    "PRAGMA user_version=7",
    "PRAGMA writable_schema=ON",
    "PRAGMA wal_checkpoint",
    "PRAGMA incremental_vacuum",
    "PRAGMA optimize",
    "ANALYZE",
    "REINDEX",
    "VACUUM",
    "VACUUM INTO 'copy.sqlite3'",
    "UPDATE sqlite_master SET sql = '' WHERE name = 'organizations'",
    "UPDATE organization_trigrams SET name = 'x'",
    "INSERT INTO organization_trigrams (organization_trigrams) VALUES ('rebuild')",
]


@pytest.mark.parametrize("statement", WRITES)
def test_the_database_itself_refuses_to_write(
    read: Reader, statement: str, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(database_file.parent)
    before = database_file.read_bytes()
    with (
        pytest.raises(DatabaseUnavailableError) as refusal,
        read.connect() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert isinstance(refusal.value.__cause__, DBAPIError)
    assert database_file.read_bytes() == before
    assert {
        path.name.removesuffix("-wal").removesuffix("-shm")
        for path in database_file.parent.iterdir()
    } == {database_file.name}


def test_a_write_in_the_middle_of_reading_is_refused(read: Reader) -> None:
    with read.connect() as connection:
        connection.execute(text("SELECT count(*) FROM organizations")).scalar()
        connection.execute(text("COMMIT"))
        with pytest.raises(DBAPIError):
            connection.execute(text("INSERT INTO organizations (org_id) VALUES ('org_2')"))


def test_it_reads(read: Reader) -> None:
    with read.connect() as connection:
        assert connection.execute(text("SELECT name FROM organizations")).scalar() == "Éclair Ltd"
    read.check()


def test_it_reads_while_a_writer_writes_and_sees_one_moment(
    read: Reader, database_file: Path
) -> None:
    writer = sqlite3.connect(database_file, isolation_level=None)
    with read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 1
        writer.execute("INSERT INTO organizations (org_id) VALUES ('org_2')")
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 1
    with read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 2
    writer.close()


def test_a_missing_file_is_a_sentence_and_is_not_created(tmp_path: Path) -> None:
    missing = tmp_path / "missing.sqlite3"
    with pytest.raises(DatabaseUnavailableError, match="Check that the listener runs"):
        reader(f"sqlite:///{missing}").check()
    assert not missing.exists()


def test_a_file_that_appears_later_is_read(tmp_path: Path) -> None:
    path = tmp_path / "late.sqlite3"
    late = reader(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnavailableError):
        late.check()
    engine = create_engine(f"sqlite:///{path}")
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables["plan_entitlements"]])
    engine.dispose()
    late.check()


def test_a_database_without_tables_says_what_sets_them_up(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite3"
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(DatabaseUnavailableError, match="Start the listener once"):
        reader(f"sqlite:///{path}").check()


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    path.write_bytes(b"these are notes, not a database" * 100)
    with pytest.raises(DatabaseUnavailableError):
        reader(f"sqlite:///{path}").check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:hidden@host/db",
        "postgresql://u:hidden@host/db",
    ],
)
def test_an_unusable_url_is_a_sentence_that_names_the_variable_and_hides_the_password(
    url: str,
) -> None:
    with pytest.raises(SettingsError, match="DATABASE_READ_URL") as refusal:
        reader(url)
    assert "hidden" not in str(refusal.value)


def test_an_unreachable_server_is_a_sentence_that_hides_the_password() -> None:
    unreachable = reader("postgresql+psycopg://console:hidden@127.0.0.1:1/billing")
    with pytest.raises(DatabaseUnavailableError, match="Nothing was lost") as refusal:
        unreachable.check()
    assert "hidden" not in str(refusal.value)
