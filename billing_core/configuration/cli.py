"""``billing-config``: what Stripe is to have, shown as a difference and applied on request.

Exit codes: 0 done or nothing to do, 1 Stripe refused or could not be reached or something is in the
way, 2 the command or the settings are wrong, 3 (``plan --check``) there is something to apply.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Annotated, NoReturn, ParamSpec, TypeVar

import structlog
import typer

from billing_core.config import BillingConfig, load_config
from billing_core.configuration.account import Account, account_of
from billing_core.configuration.applying import Done, apply_catalog, apply_portal, read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.difference import Plan
from billing_core.configuration.portal_plan import plan_portal
from billing_core.configuration.telling import told_done, told_plan, told_retired
from billing_core.errors import BillingError, SettingsError, UnreadableShapeError
from billing_core.settings import Settings, load_settings

PENDING = 3
P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(
    help="Bring Stripe's catalogue and customer portal to what billing.toml says. Exit codes: 0 done"
    " or nothing to do, 1 Stripe refused or something is in the way, 2 the command or the settings"
    " are wrong, 3 `plan --check` found something to apply.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
catalog = typer.Typer(help="Products and prices, by lookup key.", no_args_is_help=True)
portal = typer.Typer(help="Configurations of Stripe's customer portal.", no_args_is_help=True)
app.add_typer(catalog, name="catalog")
app.add_typer(portal, name="portal")


@app.callback()
def _before_each() -> None:
    # What Stripe refuses is told in a sentence; a line of a log beside it would be noise.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


Check = Annotated[
    bool, typer.Option("--check", help="Exit with 3 where there is something to apply, for CI.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before applying.")]
Live = Annotated[
    bool, typer.Option("--live", help="Let it change live mode, which real customers see.")
]


def _speaks_plainly(command: Callable[P, R]) -> Callable[P, R]:
    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SettingsError as error:
            _fail(str(error), code=2)
        except (BillingError, UnreadableShapeError) as error:
            _fail(str(error))

    return wrapped


@catalog.command("plan")
@_speaks_plainly
def catalog_plan(check: Check = False) -> None:
    """Show what `catalog apply` would do. Reads from Stripe and changes nothing."""
    _, config, account = _begin("catalog")
    seen = read_catalog(config, account.gateway)
    _show(plan_catalog(config, seen), account, check=check)


@catalog.command("apply")
@_speaks_plainly
def catalog_apply(yes: Yes = False, live: Live = False) -> None:
    """Make and change products and prices as billing.toml says; nothing is ever deleted.

    A price whose amount, currency or interval is another is replaced: a new price takes its lookup
    key over, and the old one stays for whoever pays it. Its id is told, to be put into
    `retired_price_ids`.
    """
    _, config, account = _begin("catalog")
    seen = read_catalog(config, account.gateway)
    plan = plan_catalog(config, seen)
    if not _agreed(plan, account, yes=yes, live=live):
        return
    done = _carry_out(apply_catalog(config, plan, seen, account.gateway))
    _echo(told_retired(config, done))
    if config.portal:
        typer.echo(
            "The portal offers prices by id: `billing-config portal plan` shows what follows."
        )


@portal.command("plan")
@_speaks_plainly
def portal_plan(check: Check = False) -> None:
    """Show what `portal apply` would do. Reads from Stripe and changes nothing."""
    settings, config, account = _begin("portal")
    seen = read_catalog(config, account.gateway)
    found = account.gateway.read_configurations()
    plan = plan_portal(config, seen, found, app_url=settings.app_url)
    _show(plan, account, check=check)


@portal.command("apply")
@_speaks_plainly
def portal_apply(yes: Yes = False, live: Live = False) -> None:
    """Make and change the portal's configurations as billing.toml says.

    They are found again by their metadata, so there is one for each name however often this runs.
    The console and the support links use them within five minutes.
    """
    settings, config, account = _begin("portal")
    seen = read_catalog(config, account.gateway)
    found = account.gateway.read_configurations()
    plan = plan_portal(config, seen, found, app_url=settings.app_url)
    if _agreed(plan, account, yes=yes, live=live):
        _carry_out(apply_portal(config, plan, seen, account.gateway))


def _begin(section: str) -> tuple[Settings, BillingConfig, Account]:
    settings = load_settings()
    config = load_config(settings.billing_config)
    if not getattr(config, section):
        raise SettingsError(
            f"{settings.billing_config} has no [{section}…] section, so there is nothing to compare."
        )
    return settings, config, account_of(settings)


def _show(plan: Plan, account: Account, *, check: bool) -> None:
    _echo(told_plan(plan, account.where))
    if plan.faults:
        sys.exit(1)
    if check and plan.pending:
        sys.exit(PENDING)


def _agreed(plan: Plan, account: Account, *, yes: bool, live: bool) -> bool:
    """Show the plan and ask; False where nothing is to be done. Ends the command at a no."""
    _echo(told_plan(plan, account.where))
    if plan.faults:
        _fail("Nothing was changed.")
    if not plan.pending:
        return False
    if account.live and not live:
        _fail(
            "STRIPE_API_KEY is of live mode, so this would change what real customers see. Nothing"
            " was changed; say --live if that is what you want.",
            code=2,
        )
    if not yes:
        _ask(account)
    return True


def _ask(account: Account) -> None:
    try:
        agreed = typer.confirm(f"Apply this to {account.where}?")
    except typer.Abort:
        typer.echo("")
        _fail("Nothing was changed. Say --yes where nobody can be asked.", code=2)
    if not agreed:
        _fail("Nothing was changed.")


def _carry_out(steps: Iterator[Done]) -> list[Done]:
    done: list[Done] = []
    try:
        for step in steps:
            done.append(step)
            typer.echo(told_done(step))
    except BillingError as error:
        _fail(
            f"{error.message} {len(done)} of the steps are done, as listed. Run the command again to"
            " go on: nothing is done twice."
        )
    return done


def _echo(lines: Iterable[str]) -> None:
    colours = {"+": "green", "~": "yellow", "±": "yellow", "I": "red"}
    for line in lines:
        typer.secho(line, fg=colours.get(line[:1]))


def _fail(sentence: str, *, code: int = 1) -> NoReturn:
    typer.echo(sentence, err=True)
    sys.exit(code)


if __name__ == "__main__":
    app()
