"""The database's schema: which version it has, and the way to the one that is needed.

Alembic is loaded where it has something to do: it costs a start an eighth of its time.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect

from webhook_listener.errors import SchemaError

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


@cache
def head() -> str:
    """The schema version that this code needs."""
    names = [path.name for path in (FOLDER / "versions").glob("[0-9]*_*.py")]
    if not names:
        raise SchemaError("No migration was found beside the listener's code: install it again.")
    return max(names).split("_", 1)[0]


def current(connection: Connection) -> str | None:
    """The schema version that the database has; None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


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
        if revision == "head" and current(connection) == head():
            return
        from alembic import command

        command.upgrade(_config(connection), revision)


def migrate_down(engine: Engine, revision: str = "-1") -> None:
    """Undo migrations down to ``revision``, all or nothing."""
    from alembic import command

    with engine.begin() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
