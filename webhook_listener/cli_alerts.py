"""``billing-listener alerts …``."""

from datetime import UTC, datetime

import typer

from billing_core.config import load_config
from billing_core.settings import load_settings
from webhook_listener.cli_errors import fail, speaks_plainly

alerts = typer.Typer(help="Notices to ops about what is wrong.")


@alerts.callback()
def _alerts() -> None:
    """Notices to ops; thresholds are in billing.toml, targets in the environment."""


@alerts.command("test")
@speaks_plainly
def send_test() -> None:
    """Send a test notice to every target, and say which have it."""
    from webhook_listener.alerts.notice import Kind, Notice
    from webhook_listener.alerts.settings import load_alert_settings
    from webhook_listener.alerts.targets import TargetError, targets_of

    settings = load_alert_settings()
    targets = targets_of(settings)
    if not targets:
        fail("No target is set: set ALERT_WEBHOOK_URL, or ALERT_SMTP_HOST and its like.", code=2)
    now = datetime.now(UTC)
    notice = Notice(
        kind=Kind.TEST,
        condition="test",
        title="alerts arrive",
        sentence="Nothing is wrong. Somebody wanted to see whether alerts arrive.",
        since=now,
        at=now,
        company=load_config(load_settings().billing_config).company.name,
        url=settings.console_url,
    )
    failed = 0
    for target in targets:
        try:
            target.deliver(notice)
        except TargetError as error:
            failed += 1
            typer.echo(f"{target.name}: not delivered ({error}).", err=True)
        else:
            typer.echo(f"{target.name}: delivered.")
    if failed:
        raise typer.Exit(1)
