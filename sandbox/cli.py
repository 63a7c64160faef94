"""`billing-sandbox`: serve the stand-in Stripe, fill it with a sample company, move its clock."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from sandbox.control import SandboxControl, SandboxError
from sandbox.settings import Settings

app = typer.Typer(
    help="A stand-in Stripe with hosted portal pages, for trying and testing without an account.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="The sandbox's port; SANDBOX_PORT or 12111 by default."),
]


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        names = ", ".join(f"SANDBOX_{str(each['loc'][0]).upper()}" for each in error.errors())
        reasons = "; ".join(each["msg"] for each in error.errors())
        raise _stop(f"The sandbox cannot start: {names} is not usable ({reasons}).") from None


def _stop(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: _Port = None,
    seed: Annotated[
        bool, typer.Option("--seed", help="Add the sample company, the first time only.")
    ] = False,
) -> None:
    """Answer Stripe's API, show the hosted pages and send signed webhooks.

    State is kept in SANDBOX_STATE. Webhooks go to SANDBOX_WEBHOOK_URL, signed with the first
    secret in STRIPE_WEBHOOK_SECRET. Port 0 takes a free one.
    """
    from sandbox import server

    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = _settings()
    try:
        listening = server.bind(host, settings.port if port is None else port)
    except server.PortTakenError as error:
        raise _stop(str(error)) from None
    typer.echo(f"The sandbox listens on {server.address_of(listening)}")
    server.serve(settings, listening, seeded=seed)


@app.command()
def seed(port: _Port = None) -> None:
    """Fill the running sandbox with the sample company, once."""
    try:
        seeded = _control(port).seed()
    except SandboxError as error:
        raise _stop(str(error)) from None
    typer.echo(
        "The sample company is in; its history is on its way as webhooks."
        if seeded
        else "The sample company is already there; nothing was changed."
    )


@app.command()
def advance(
    days: Annotated[float | None, typer.Option(help="How many days to move on.", min=0)] = None,
    to: Annotated[
        datetime | None, typer.Option(help="The moment (UTC) to move to, such as 2027-01-31.")
    ] = None,
    past: Annotated[
        str | None, typer.Option(help="A subscription whose next period end to pass.")
    ] = None,
    port: _Port = None,
) -> None:
    """Move the running sandbox's clock forward through everything that becomes due."""
    if sum(each is not None for each in (days, to, past)) != 1:
        raise _stop("Say how far to move: give exactly one of --days, --to and --past.")
    control = _control(port)
    try:
        if days is not None:
            now = control.advance(days=days)
        elif to is not None:
            now = control.advance_to(to.replace(tzinfo=UTC))
        else:
            now = control.advance_past(past or "")
    except SandboxError as error:
        raise _stop(str(error)) from None
    typer.echo(f"It is now {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC.")


def _control(port: int | None) -> SandboxControl:
    return SandboxControl(f"http://127.0.0.1:{_settings().port if port is None else port}")


if __name__ == "__main__":
    app()
