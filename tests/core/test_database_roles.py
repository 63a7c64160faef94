"""On PostgreSQL the console reads as a role that can read alone, or not at all."""

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from billing_core import database
from billing_core.database import Reader, reader
from billing_core.errors import DatabaseUnavailableError, SettingsError
from tests.support.databases import PostgreSQL, fresh_postgresql
from webhook_listener.database import writer_engine
from webhook_listener.roles import grant_reader, grant_writer

_numbers = itertools.count(1)


@pytest.fixture
def writer(postgresql_server: PostgreSQL) -> Iterator[Engine]:
    engine = writer_engine(fresh_postgresql(postgresql_server))
    yield engine
    engine.dispose()


def as_role(writer: Engine, role: str) -> Reader:
    url = make_url(str(writer.url)).set(username=role)
    return reader(url.render_as_string(hide_password=False))


@pytest.fixture
def role(writer: Engine) -> str:
    name = f"console_{next(_numbers)}"
    grant_reader(writer, name)
    return name


def run(writer: Engine, *statements: str) -> None:
    with writer.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO organizations (org_id) VALUES ('org_2')",
        "UPDATE organizations SET name = 'x'",
        "DELETE FROM organizations",
        "TRUNCATE organizations",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "DROP TABLE organizations",
        "ALTER TABLE organizations ADD COLUMN mine int",
        "SELECT nextval('audit_log_audit_id_seq')",
        "COPY organizations FROM STDIN",
    ],
)
@pytest.mark.parametrize("opening", ["", "COMMIT; BEGIN READ WRITE"])
def test_the_database_itself_refuses_to_write(
    writer: Engine, role: str, statement: str, opening: str
) -> None:
    """Also for whoever first opens a transaction that would allow it."""
    with as_role(writer, role).connect() as connection:
        for part in filter(None, opening.split("; ")):
            connection.exec_driver_sql(part)
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql(statement)


def test_a_reading_role_reads(writer: Engine, role: str) -> None:
    as_role(writer, role).check()


@pytest.mark.parametrize(
    "right",
    [
        "GRANT INSERT ON organizations TO {role}",
        "GRANT UPDATE (name) ON organizations TO {role}",
        "GRANT DELETE ON audit_log TO {role}",
        "GRANT TRUNCATE ON webhook_events TO {role}",
        "GRANT CREATE ON SCHEMA public TO {role}",
        "ALTER TABLE audit_log OWNER TO {role}",
        "ALTER ROLE {role} SUPERUSER",
        "GRANT postgres TO {role}",
    ],
)
def test_a_role_that_could_write_is_refused_with_a_sentence(
    writer: Engine, role: str, right: str
) -> None:
    run(writer, right.format(role=role))
    with pytest.raises(SettingsError, match=r"can write.*migrate --grant"):
        as_role(writer, role).check()


def test_the_writers_own_role_is_refused(writer: Engine) -> None:
    name = f"listener_{next(_numbers)}"
    grant_writer(writer, name)
    for user in (name, "postgres"):
        with pytest.raises(SettingsError, match="DATABASE_READ_URL"):
            as_role(writer, user).check()


def test_a_role_without_any_right_is_told_apart(writer: Engine) -> None:
    name = f"nobody_{next(_numbers)}"
    run(writer, f"CREATE ROLE {name} LOGIN")
    with pytest.raises(DatabaseUnavailableError, match="migrate --grant"):
        as_role(writer, name).check()


def test_an_empty_database_says_what_sets_it_up(postgresql_server: PostgreSQL) -> None:
    writer = writer_engine(fresh_postgresql(postgresql_server, migrated=False))
    name = f"console_{next(_numbers)}"
    grant_reader(writer, name)
    with pytest.raises(DatabaseUnavailableError, match="Start the listener"):
        as_role(writer, name).check()
    writer.dispose()


def test_a_query_that_takes_too_long_is_given_up(
    writer: Engine, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 200)
    with (
        pytest.raises(DatabaseUnavailableError, match="took too long"),
        as_role(writer, role).connect() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(30)"))


def test_it_sees_one_moment_and_comes_back_after_its_connection_was_cut(
    writer: Engine, role: str
) -> None:
    read = as_role(writer, role)
    with read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 0
        run(writer, "INSERT INTO organizations (org_id) VALUES ('org_1')")
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 0
    run(
        writer,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'",
    )
    with read.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 1
    read.dispose()
