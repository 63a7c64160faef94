"""PostgreSQL roles: one that reads, for the console, and one that writes, for the listener."""

from typing import LiteralString

from psycopg import sql
from sqlalchemy import Connection, Engine

from billing_core.errors import SettingsError
from webhook_listener.database import durable_transaction

_READER: tuple[LiteralString, ...] = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC, {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
)
_WRITER: tuple[LiteralString, ...] = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {role}",
)


def grant_reader(engine: Engine, role: str, *, password: str | None = None) -> bool:
    """Let ``role`` read every table and nothing else; whether it had to be made.

    Raises SettingsError on SQLite, which has no roles.
    """
    return _grant(engine, role, password, _READER)


def grant_writer(engine: Engine, role: str, *, password: str | None = None) -> bool:
    """Let ``role`` read and write the rows, but not change the schema; whether it was made.

    Raises SettingsError on SQLite, which has no roles.
    """
    return _grant(engine, role, password, _WRITER)


def _grant(
    engine: Engine, role: str, password: str | None, statements: tuple[LiteralString, ...]
) -> bool:
    if engine.dialect.name != "postgresql":
        raise SettingsError(
            "DATABASE_URL names SQLite, which has no roles; nothing needs to be granted there."
            " The console opens the same file for reading only."
        )
    with durable_transaction(engine) as connection:
        there = connection.exec_driver_sql(
            "SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}
        )
        made = there.first() is None
        names = {
            "role": sql.Identifier(role),
            "database": sql.Identifier(str(engine.url.database)),
        }
        if made:
            _execute(connection, sql.SQL("CREATE ROLE {role} LOGIN").format(**names))
            if password:
                given = sql.Literal(password)
                statement = sql.SQL("ALTER ROLE {role} PASSWORD {password}")
                _execute(connection, statement.format(**names, password=given))
        for template in statements:
            _execute(connection, sql.SQL(template).format(**names))
    return made


def _execute(connection: Connection, statement: sql.Composed) -> None:
    driver = connection.connection.driver_connection
    # Straight to the driver: SQLAlchemy would read a % in a name or password as a placeholder.
    driver.execute(statement)  # type: ignore[union-attr]
