"""``billing-listener``: the service and the commands of whoever runs it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from billing_core.config import load_config
from billing_core.settings import load_settings
from webhook_listener import cli_missed, logs, schema
from webhook_listener.cli_alerts import alerts
from webhook_listener.cli_errors import fail, migrated_database, speaks_plainly
from webhook_listener.database import reading_transaction, writer_engine
from webhook_listener.settings import load_listener_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
organizations = typer.Typer(help="Organizations that Stripe does not know yet.")
audit_log = typer.Typer(help="The append-only audit log.")
app.add_typer(organizations, name="orgs")
app.add_typer(audit_log, name="audit")
app.add_typer(alerts, name="alerts")


@app.callback()
def _before_each() -> None:
    """Receives Stripe's webhooks and keeps the billing rows. The only writer of the database."""
    logs.configure(beside_a_command=True)


DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; change nothing.")]


@app.command()
@speaks_plainly
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; LISTENER_PORT or 8000 by default.")
    ] = None,
) -> None:
    """Run the service until it is told to stop.

    On SQLite the schema is brought up to date first. On PostgreSQL run `migrate` before.
    """
    from webhook_listener.projector_process import ProjectorProcess

    logs.configure()
    settings = load_settings()
    if port is None:
        port = load_listener_settings().listener_port
    projector = ProjectorProcess()  # forked before the service is loaded, which it does not need
    from webhook_listener.serve import serve as run

    run(settings, projector, host=host, port=port)


@app.command()
@speaks_plainly
def migrate(
    down: Annotated[
        str | None, typer.Option(help="Go back instead: -1 for one step, or a version.")
    ] = None,
    grant: Annotated[
        str | None,
        typer.Option(help="Also let this PostgreSQL role read everything and nothing else."),
    ] = None,
    grant_writer: Annotated[
        str | None, typer.Option(help="Also let this PostgreSQL role write the rows.")
    ] = None,
) -> None:
    """Bring the database's schema to the version that this listener needs.

    A role that has to be made gets the password in ROLE_PASSWORD, or none.
    """
    from webhook_listener import roles

    engine = writer_engine(load_settings().database_url)
    if down is not None:
        schema.migrate_down(engine, down)
    else:
        schema.migrate(engine)
    with reading_transaction(engine) as connection:
        typer.echo(f"The schema is at version {schema.current(connection) or 'none'}.")
    for role, make in ((grant, roles.grant_reader), (grant_writer, roles.grant_writer)):
        if role is not None:
            made = make(engine, role, password=os.environ.get("ROLE_PASSWORD"))
            typer.echo(f"The role {role} was {'made and ' if made else ''}granted its rights.")


@app.command()
@speaks_plainly
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(help="Events by id.")] = None,
    parked: Annotated[bool, typer.Option("--parked", help="Every parked event.")] = False,
    since: Annotated[
        datetime | None, typer.Option(help="Every event received since this time (UTC).")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Apply events again, whatever became of them; applying twice changes nothing."""
    from webhook_listener import inbox
    from webhook_listener import replay as replays
    from webhook_listener.inbox import audience_of

    settings = load_settings()
    engine = migrated_database(settings)
    chosen = list(dict.fromkeys(event_ids or []))
    with reading_transaction(engine) as connection:
        for missing in sorted(set(chosen) - inbox.known(connection, chosen)):
            fail(f"{missing} is not in the inbox, so nothing was replayed.")
        if parked:
            chosen += replays.parked(connection)
        if since is not None:
            chosen += replays.received_since(connection, since.replace(tzinfo=UTC))
    if not (event_ids or parked or since):
        fail("Say which events: their ids, --parked, or --since with a time.", code=2)
    count = changed = 0
    for one in replays.replay(
        engine,
        load_config(settings.billing_config),
        audience_of(settings),
        list(dict.fromkeys(chosen)),
        now=datetime.now(UTC),
        dry_run=dry_run,
    ):
        count += 1
        changed += one.before != one.after
        if one.before != one.after or one.after == "parked" or event_ids:
            reason = f" ({one.error})" if one.error else ""
            typer.echo(f"{one.event_id} {one.type}: {one.before} -> {one.after}{reason}")
    would = "would be " if dry_run else ""
    typer.echo(f"{count} events {would}replayed, {changed} with another outcome than before.")


@app.command()
@speaks_plainly
def reproject(dry_run: DryRun = False) -> None:
    """Rebuild plans, organizations and entitlements from the subscriptions and billing.toml.

    What came of support links is found anew as well, where that was not known.
    """
    from webhook_listener import projection
    from webhook_listener.database import projecting_transaction
    from webhook_listener.links import results

    settings = load_settings()
    config = load_config(settings.billing_config)
    engine = migrated_database(settings)
    with projecting_transaction(engine, durable=True) as connection:
        now = datetime.now(UTC)
        report = projection.reproject(connection, config, now=now)
        results.rebuild(connection, now=now)
        if dry_run:
            connection.get_transaction().rollback()  # type: ignore[union-attr]
    for org_id in report.changed_org_ids:
        typer.echo(f"{org_id}: entitlement {'would change' if dry_run else 'changed'}")
    typer.echo(
        f"{report.subscriptions} subscriptions and {report.organizations} organizations looked at;"
        f" {report.changed_subscriptions} subscriptions and {len(report.changed_org_ids)}"
        f" entitlements {'would change' if dry_run else 'changed'}."
    )


@organizations.command("import")
@speaks_plainly
def import_organizations(
    file: Annotated[Path, typer.Argument(help="CSV with the columns org_id,name,email.")],
) -> None:
    """Bring in organizations that have no Stripe customer yet. What Stripe has said stays."""
    from webhook_listener import imports

    engine = migrated_database(load_settings())
    count = imports.import_organizations(engine, file, now=datetime.now(UTC))
    typer.echo(f"{count} organizations are in.")


@app.command()
@speaks_plainly
def prune(
    older_than: Annotated[int, typer.Option(help="Days to keep, at least 1.", min=1)],
) -> None:
    """Remove old events and their payloads; entitlements, changes and the audit log stay."""
    from webhook_listener import prune as pruning

    engine = migrated_database(load_settings())
    now = datetime.now(UTC)
    before = now - timedelta(days=older_than)
    typer.echo(f"{sum(pruning.prune(engine, before=before, now=now))} events were removed.")


@audit_log.command("verify")
@speaks_plainly
def verify_audit_log() -> None:
    """Check that no entry was changed, removed or inserted."""
    from webhook_listener import audit

    with reading_transaction(migrated_database(load_settings())) as connection:
        broken = audit.verify(connection)
    if broken is not None:
        fail(f"The audit log is not intact: entry {broken} is not as it was written.")
    typer.echo("The audit log is intact.")


app.command()(cli_missed.reconcile)
app.command()(cli_missed.backfill)
