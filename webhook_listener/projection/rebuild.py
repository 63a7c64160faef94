"""Everything that follows from the subscriptions made anew: main items, orgs, entitlements."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select

from billing_core.config import BillingConfig
from webhook_listener.projection import organizations
from webhook_listener.projection.catalog import SUBSCRIPTIONS, put_main_items
from webhook_listener.projection.entitlements import Cause, refresh
from webhook_listener.projection.workspace import Workspace

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class ReprojectReport:
    """What a rebuild looked at and what it changed."""

    subscriptions: int
    organizations: int
    changed_subscriptions: int
    changed_org_ids: tuple[str, ...]


def reproject(connection: Connection, config: BillingConfig, *, now: datetime) -> ReprojectReport:
    """Rebuild plans, orgs and entitlements from subscriptions, learned prices and ``billing.toml``.

    Run twice, the second changes nothing. The caller commits, or rolls back for a trial.
    """
    seen = changed = 0
    for workspace, keys in _chunks(connection, SUBSCRIPTIONS):
        put_main_items(workspace, workspace.by(SUBSCRIPTIONS, "subscription_id", keys), config)
        changed += len(workspace.changed(SUBSCRIPTIONS))
        seen += len(keys)
    for workspace, keys in _chunks(connection, organizations.CUSTOMERS):
        organizations.assign(workspace, keys)
    org_count = 0
    changed_orgs: list[str] = []
    for workspace, keys in _chunks(connection, organizations.ORGANIZATIONS):
        changed_orgs += refresh(workspace, keys, config, {}, otherwise=Cause("reproject"), now=now)
        org_count += len(keys)
    return ReprojectReport(seen, org_count, changed, tuple(changed_orgs))


def _chunks(connection: Connection, table: Table) -> Iterator[tuple[Workspace, list[str]]]:
    """The table's primary keys, some at a time, each with a workspace that is then written."""
    key = table.primary_key.columns.values()[0]
    last = ""
    while True:
        statement = select(key).where(key > last).order_by(key).limit(_CHUNK)
        keys = list(connection.execute(statement).scalars())
        if not keys:
            return
        workspace = Workspace(connection)
        yield workspace, keys
        workspace.flush()
        last = keys[-1]
