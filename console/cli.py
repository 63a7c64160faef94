"""``billing-console``: serve the console, and keep the file of those who may sign in."""

from typing import Annotated, NoReturn

import typer

from billing_core.errors import SettingsError
from console.settings import console_settings
from console.users_cli import users_app

app = typer.Typer(
    help="The billing support console: a web application for support, finance, ops and admins.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(users_app, name="users")


@app.callback()
def main() -> None:
    """Tell a command from the name of the program."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The port; CONSOLE_PORT or 8501 by default."),
    ] = None,
) -> None:
    """Serve the console until it is stopped.

    It reads DATABASE_READ_URL, asks the listener at LISTENER_URL to record what staff do, and
    signs in the users of CONSOLE_USERS. Set CONSOLE_URL to the https address that staff use.
    """
    try:
        chosen = console_settings().console_port if port is None else port
        from console import server

        server.serve(host, chosen)
    except SettingsError as error:
        _stop(str(error), 2)
    except OSError as error:
        _stop(
            f"The console cannot listen on {host} port {chosen}: {error.strerror or error}."
            " Choose another port with CONSOLE_PORT or --port.",
            1,
        )


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
