"""How the commands meet errors that somebody can mend: a sentence and an exit code."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import typer
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from billing_core.errors import BillingError, SettingsError
from billing_core.settings import Settings
from webhook_listener import schema
from webhook_listener.database import reading_transaction, writer_engine
from webhook_listener.errors import ImportFileError, ListenError, SchemaError

P = ParamSpec("P")
R = TypeVar("R")


def speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an error that somebody can mend into its sentence and an exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SettingsError as error:
            fail(str(error), code=2)
        except (BillingError, ImportFileError, ListenError, SchemaError) as error:
            fail(str(error))
        except DBAPIError:
            fail(
                "The database cannot be reached or refuses the work. Nothing was left half done."
                " Check DATABASE_URL and that the database is up, then run the command again."
            )

    return wrapped


def fail(sentence: str, *, code: int = 1) -> NoReturn:
    """End the command with a sentence on standard error."""
    typer.echo(sentence, err=True)
    sys.exit(code)


def migrated_database(settings: Settings) -> Engine:
    """The database, its schema checked. Raises SchemaError naming the command to run."""
    engine = writer_engine(settings.database_url)
    with reading_transaction(engine) as connection:
        schema.require_head(connection)
    return engine
