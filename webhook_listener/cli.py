"""``billing-listener``: the service and the commands of whoever runs it."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, NoReturn, ParamSpec, TypeVar

import typer
from sqlalchemy.exc import DBAPIError

from billing_core.errors import SettingsError
from billing_core.settings import load_settings
from webhook_listener import logs
from webhook_listener.database import writer_engine
from webhook_listener.errors import ImportFileError, ListenError, SchemaError
from webhook_listener.settings import load_listener_settings

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(
    help="Receives Stripe's webhooks and keeps the billing rows. The only writer of the database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an error that somebody can mend into its sentence and an exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SettingsError as error:
            _fail(str(error), code=2)
        except (ImportFileError, ListenError, SchemaError) as error:
            _fail(str(error), code=1)
        except DBAPIError:
            _fail(
                "The database cannot be reached or refuses the work. Nothing was left half done."
                " Check DATABASE_URL and that the database is up, then run the command again.",
                code=1,
            )

    return wrapped


def _fail(sentence: str, *, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(code)


@app.command()
@speaks_plainly
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; LISTENER_PORT, else 8000.")
    ] = None,
) -> None:
    """Run the service until it is told to stop."""
    from webhook_listener.serve import serve as run

    logs.configure()
    if port is None:
        port = load_listener_settings().listener_port
    run(load_settings(), host=host, port=port)


@app.command()
@speaks_plainly
def migrate(
    down: Annotated[
        str | None, typer.Option(help="Go back instead: -1 for one step, or a version.")
    ] = None,
) -> None:
    """Bring the database's schema to the version that this listener needs."""
    from webhook_listener import schema

    engine = writer_engine(load_settings().database_url)
    if down is not None:
        schema.migrate_down(engine, down)
    else:
        schema.migrate(engine)
    with engine.connect() as connection:
        typer.echo(f"The schema is at version {schema.current(connection) or 'none'}.")
