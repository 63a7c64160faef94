"""``billing-listener reconcile`` and ``backfill``."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from sqlalchemy import Connection

from billing_core.config import load_config
from billing_core.settings import Settings, load_settings
from webhook_listener.cli_errors import migrated_database, speaks_plainly
from webhook_listener.database import durable_transaction

if TYPE_CHECKING:
    from webhook_listener.missed.inbound import Inbound

T = TypeVar("T")
_DRIFT_PATIENCE_SECONDS = 10.0


def inbound_of(settings: Settings) -> "Inbound":
    """The inbox of the settings' database, written by this process. Raises as settings do."""
    from webhook_listener.inbox import audience_of
    from webhook_listener.missed.inbound import Inbound

    engine = migrated_database(settings)

    def write(work: Callable[[Connection], T]) -> T:
        with durable_transaction(engine) as connection:
            return work(connection)

    return Inbound(engine, write, audience_of(settings))


@speaks_plainly
def reconcile(
    check: Annotated[
        int, typer.Option(help="Also compare this many subscriptions with Stripe.", min=0)
    ] = 0,
) -> None:
    """Fetch from Stripe what webhooks did not bring since the last time, and apply it."""
    from billing_core.stripe_gateway.client import StripeGateway
    from webhook_listener.apply import apply_everything
    from webhook_listener.missed import drift
    from webhook_listener.missed import reconcile as reconciling

    settings = load_settings()
    gateway = StripeGateway(settings.stripe_key(), api_base=settings.stripe_api_base)
    inbound = inbound_of(settings)
    done = reconciling.reconcile(inbound, gateway)
    differences = []
    if check:
        differing = drift.find_differing(inbound, gateway, sample=check)
        if differing:
            time.sleep(_DRIFT_PATIENCE_SECONDS)
        differences = drift.record_lasting(inbound, differing)
    apply_everything(inbound.engine, load_config(settings.billing_config))
    typer.echo(
        f"{done.looked_at} events since {done.since:%Y-%m-%d %H:%M} UTC looked at,"
        f" {done.missing} were missing and are in now."
    )
    for one in differences:
        typer.echo(f"{one.subscription_id}: {one.field} was {one.ours}, is {one.stripes} at Stripe")
    if done.beyond_retention:
        typer.echo(
            "Stripe keeps events for 30 days, and the last one seen is older. Run"
            " `billing-listener backfill` to read the subscriptions themselves."
        )


@speaks_plainly
def backfill() -> None:
    """Read every customer and subscription from Stripe. Killed halfway, it goes on where it was."""
    from billing_core.stripe_gateway.client import StripeGateway
    from webhook_listener.apply import apply_everything
    from webhook_listener.missed import backfill as backfilling

    settings = load_settings()
    config = load_config(settings.billing_config)
    gateway = StripeGateway(settings.stripe_key(), api_base=settings.stripe_api_base)
    inbound = inbound_of(settings)
    read: dict[str, int] = {}
    steps = backfilling.backfill(inbound, gateway)
    with typer.progressbar(steps, label="Reading from Stripe", show_pos=True) as pages:
        for progress in pages:
            read[progress.stage] = progress.read
            apply_everything(inbound.engine, config)
    apply_everything(inbound.engine, config)
    told = " and ".join(f"{count} {stage}" for stage, count in read.items()) or "Nothing"
    typer.echo(f"{told} read and applied.")
