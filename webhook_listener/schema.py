"""The database's schema: which version it has, and the way to the one that is needed."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from webhook_listener.errors import SchemaError

FOLDER = Path(__file__).parent / "migrations"


@cache
def head() -> str:
    """The schema version that this code needs."""
    revision = ScriptDirectory(str(FOLDER)).get_current_head()
    if revision is None:
        raise SchemaError("No migration was found beside the listener's code: install it again.")
    return revision


def current(connection: Connection) -> str | None:
    """The schema version that the database has; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def require_head(connection: Connection) -> None:
    """Raises SchemaError, with the command to run, unless the schema is the needed one."""
    found = current(connection)
    if found != head():
        raise SchemaError(
            f"The database's schema is {found or 'not there yet'}, this version needs {head()}."
            " Run `billing-listener migrate`, then start again."
        )


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to ``revision``, all or nothing."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7201003)")
        command.upgrade(_config(connection), revision)


def migrate_down(engine: Engine, revision: str = "-1") -> None:
    """Undo migrations down to ``revision``, all or nothing."""
    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
