"""A small inbox on a real database, for what the projection promises."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, StaticPool, bindparam, create_engine, select
from sqlmodel import SQLModel

from billing_core.config import BillingConfig, load_config
from billing_core.settings import ROOT
from billing_core.stripe_gateway.envelope import InboxEvent, read_event
from webhook_listener.projection import Projected, project, reproject
from webhook_listener.prune import prune

CONFIG = load_config(ROOT / "billing.toml")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
_EVENTS, _PAYLOADS = (
    SQLModel.metadata.tables[name] for name in ("webhook_events", "webhook_payloads")
)
_KNOWN = select(_EVENTS.c.event_id).where(_EVENTS.c.event_id.in_(bindparam("ids", expanding=True)))
_DECIDED = (
    _EVENTS.update()
    .where(_EVENTS.c.event_id == bindparam("id"))
    .values(outcome=bindparam("became"), org_id=bindparam("org"))
)
_IN_THEIR_OWN_ORDER = {"peers", "suspect", "updated_at", "revision"}


class Ledger:
    """Events in, rows out. In memory unless a path or the engine of a migrated database is given."""

    def __init__(
        self,
        path: Path | None = None,
        config: BillingConfig = CONFIG,
        *,
        engine: Engine | None = None,
    ) -> None:
        url = f"sqlite:///{path}" if path else "sqlite://"
        self.engine: Engine = engine or create_engine(url, poolclass=StaticPool)
        self.config = config
        if engine is None:
            SQLModel.metadata.create_all(self.engine)

    def clear(self) -> None:
        """Forget everything."""
        with self.engine.begin() as connection:
            for table in SQLModel.metadata.sorted_tables:
                connection.execute(table.delete())

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def deliver(
        self, events: Iterable[Mapping[str, Any]], *, batch: int = 1, now: datetime = NOW
    ) -> list[Projected]:
        """Take events as the inbox does: new ones stored, every one projected."""
        projected: list[Projected] = []
        listed = list(events)
        for start in range(0, len(listed), batch):
            chunk = [read_event(event) for event in listed[start : start + batch]]
            with self.engine.begin() as connection:
                unique = list({event.event_id: event for event in chunk}.values())
                _store(connection, unique)
                results = project(connection, unique, self.config, now=now)
                outcomes = [
                    {"id": each.event_id, "became": each.outcome.value, "org": each.org_id}
                    for each in results
                ]
                if outcomes:
                    connection.execute(_DECIDED, outcomes)
                projected += results
        return projected

    def redact_ids(self) -> None:
        """Take the events' ids out of the payloads, as redaction does where they look like keys."""
        payloads = SQLModel.metadata.tables["webhook_payloads"]
        with self.engine.begin() as connection:
            for event_id, body in list(connection.execute(select(payloads))):
                event = {**orjson.loads(zlib.decompress(body)), "id": "[redacted]"}
                connection.execute(
                    payloads.update()
                    .where(payloads.c.event_id == event_id)
                    .values(body=zlib.compress(orjson.dumps(event)))
                )

    def reproject(self) -> tuple[str, ...]:
        """Rebuild; the orgs whose entitlement changed."""
        with self.engine.begin() as connection:
            return reproject(connection, self.config, now=NOW).changed_org_ids

    def prune(self, *, now: datetime = NOW) -> int:
        """Remove every event that may go; how many that were."""
        return sum(prune(self.engine, before=NOW + timedelta(days=1), now=now))

    def rows(self, table: str, *, all_columns: bool = False) -> list[dict[str, Any]]:
        """A table's rows in order of their key, without what depends on the way there."""
        columns = SQLModel.metadata.tables[table]
        with self.engine.connect() as connection:
            rows = connection.execute(select(columns).order_by(*columns.primary_key.columns))
            return [
                {
                    name: value
                    for name, value in row._mapping.items()
                    if all_columns or name not in _IN_THEIR_OWN_ORDER
                }
                for row in rows
            ]

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """All that must not depend on the order of arrival."""
        tables = (
            "organizations",
            "customers",
            "subscriptions",
            "prices",
            "plan_entitlements",
            "cancellations",
        )
        return {table: self.rows(table) for table in tables}


def _store(connection: Connection, events: list[InboxEvent]) -> None:
    ids = [event.event_id for event in events]
    known = set(connection.execute(_KNOWN, {"ids": ids}).scalars())
    new = [event for event in events if event.event_id not in known]
    if not new:
        return
    connection.execute(
        _EVENTS.insert(),
        [
            {
                "event_id": event.event_id,
                "type": event.type,
                "livemode": event.livemode,
                "created": event.created,
                "received_at": NOW,
                "customer_id": event.customer_id,
                "object_id": event.object_id,
                "outcome": "pending",
                "attempts": 0,
                "deliveries": 1,
            }
            for event in new
        ],
    )
    connection.execute(
        _PAYLOADS.insert(),
        [
            {"event_id": event.event_id, "body": zlib.compress(orjson.dumps(event.payload), 1)}
            for event in new
        ],
    )
