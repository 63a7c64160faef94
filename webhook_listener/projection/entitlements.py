"""Entitlement rows brought in line with the subscriptions, each change written down."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.entitlement import Entitlement, SubscriptionState, entitlement_of
from billing_core.subscription_rows import state_of_row
from webhook_listener.projection.organizations import CUSTOMERS, ENTITLEMENTS, ORGANIZATIONS
from webhook_listener.projection.rows import select_by, upsert

_SUBSCRIPTIONS = SQLModel.metadata.tables["subscriptions"]
_PRICES = SQLModel.metadata.tables["prices"]
_CHANGES = SQLModel.metadata.tables["entitlement_changes"]
_FIELDS = tuple(Entitlement.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an entitlement is looked at again: an event, or a word for what else it was."""

    name: str
    event_id: str | None = None
    event_created: datetime | None = None


def learned_lookup_keys(connection: Connection, price_ids: Iterable[str]) -> dict[str, str]:
    """Each price's last non-null lookup key."""
    wanted = list(price_ids)
    if not wanted:
        return {}
    rows = connection.execute(
        select(_PRICES.c.price_id, _PRICES.c.lookup_key).where(
            _PRICES.c.price_id.in_(wanted), _PRICES.c.lookup_key.is_not(None)
        )
    )
    return {key: value for key, value in rows}  # noqa: C416 - a Row is no plain pair


def refresh(
    connection: Connection,
    org_ids: Iterable[str],
    config: BillingConfig,
    causes: Mapping[str, Cause],
    *,
    otherwise: Cause,
    now: datetime,
) -> list[str]:
    """Recompute the entitlements of ``org_ids``; returns those that changed in meaning.

    ``causes`` names each org's cause, ``otherwise`` that of the rest.
    """
    org_ids = [row["org_id"] for row in select_by(connection, ORGANIZATIONS, "org_id", org_ids)]
    states = _states(connection, org_ids)
    price_ids = {
        item.price_id
        for of_org in states.values()
        for state in of_org
        for item in state.facts.items
        if item.price_id is not None
    }
    lookup_keys = learned_lookup_keys(connection, price_ids)
    current = {row["org_id"]: row for row in select_by(connection, ENTITLEMENTS, "org_id", org_ids)}
    rows: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    for org_id in org_ids:
        values = asdict(entitlement_of(states.get(org_id, ()), config, lookup_keys))
        row = current.get(org_id)
        before = {name: row[name] for name in _FIELDS} if row is not None else None
        if before == values:
            continue
        differs = before is None or any(
            before[name] != values[name] for name in _FIELDS if name != "last_event_id"
        )
        revision = (row["revision"] if row is not None else 0) + differs
        rows.append({"org_id": org_id, **values, "updated_at": now, "revision": revision})
        if differs:
            cause = causes.get(org_id, otherwise)
            changes.append(
                {
                    "org_id": org_id,
                    "changed_at": now,
                    "event_id": cause.event_id,
                    "event_created": cause.event_created,
                    "cause": cause.name,
                    "before": _as_json(before),
                    "after": _as_json(values),
                }
            )
    upsert(connection, ENTITLEMENTS, rows)
    if changes:
        connection.execute(_CHANGES.insert(), changes)
    return [change["org_id"] for change in changes]


def _states(connection: Connection, org_ids: list[str]) -> dict[str, list[SubscriptionState]]:
    org_of = {
        row["customer_id"]: row["org_id"]
        for row in select_by(connection, CUSTOMERS, "org_id", org_ids)
    }
    states: dict[str, list[SubscriptionState]] = defaultdict(list)
    for row in select_by(connection, _SUBSCRIPTIONS, "customer_id", org_of):
        states[org_of[row["customer_id"]]].append(state_of_row(row))
    return states


def _as_json(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
