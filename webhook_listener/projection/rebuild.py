"""Everything that follows from the subscriptions made anew: main items, orgs, entitlements."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, select
from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.subscription_rows import columns_of_main_item, facts_of_row
from webhook_listener.projection import organizations
from webhook_listener.projection.catalog import price_ids_of
from webhook_listener.projection.entitlements import Cause, learned_lookup_keys, refresh
from webhook_listener.projection.rows import Row, fetch, upsert

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
    tables = SQLModel.metadata.tables
    seen = changed = 0
    for rows in _chunks(connection, tables["subscriptions"]):
        facts = {row["subscription_id"]: facts_of_row(row) for row in rows}
        keys = learned_lookup_keys(connection, price_ids_of(facts.values()))
        fresh = [
            {**row, **columns_of_main_item(facts[row["subscription_id"]], config, keys)}
            for row in rows
        ]
        differing = [row for row, old in zip(fresh, rows, strict=True) if row != dict(old)]
        upsert(connection, tables["subscriptions"], differing)
        seen += len(rows)
        changed += len(differing)
    for rows in _chunks(connection, tables["customers"]):
        organizations.assign(connection, [row["customer_id"] for row in rows])
    org_count = 0
    changed_orgs: list[str] = []
    for rows in _chunks(connection, tables["organizations"]):
        changed_orgs += refresh(
            connection,
            [row["org_id"] for row in rows],
            config,
            {},
            otherwise=Cause("reproject"),
            now=now,
        )
        org_count += len(rows)
    return ReprojectReport(seen, org_count, changed, tuple(changed_orgs))


def _chunks(connection: Connection, table: Table) -> Iterator[list[Row]]:
    key = table.primary_key.columns.values()[0]
    last = ""
    while True:
        rows = fetch(connection, select(table).where(key > last).order_by(key).limit(_CHUNK))
        if not rows:
            return
        yield rows
        last = rows[-1][key.name]
