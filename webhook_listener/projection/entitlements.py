"""Entitlement rows brought in line with the subscriptions, each change written down."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.entitlement import Entitlement, SubscriptionState, entitlement_of
from billing_core.subscription_rows import state_of_row
from webhook_listener.projection.organizations import CUSTOMERS, ENTITLEMENTS, ORGANIZATIONS
from webhook_listener.projection.workspace import Workspace

_SUBSCRIPTIONS = SQLModel.metadata.tables["subscriptions"]
_PRICES = SQLModel.metadata.tables["prices"]
_FIELDS = tuple(Entitlement.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an entitlement is looked at again: an event, or a word for what else it was."""

    name: str
    event_id: str | None = None
    event_created: datetime | None = None


def learned_lookup_keys(workspace: Workspace, price_ids: Iterable[str]) -> dict[str, str]:
    """Each price's last non-null lookup key."""
    return {
        row["price_id"]: row["lookup_key"]
        for row in workspace.by(_PRICES, "price_id", price_ids)
        if row["lookup_key"] is not None
    }


def refresh(
    workspace: Workspace,
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
    org_ids = [row["org_id"] for row in workspace.by(ORGANIZATIONS, "org_id", org_ids)]
    states = _states(workspace, org_ids)
    price_ids = {
        item.price_id
        for of_org in states.values()
        for state in of_org
        for item in state.facts.items
        if item.price_id is not None
    }
    lookup_keys = learned_lookup_keys(workspace, price_ids)
    current = {row["org_id"]: row for row in workspace.by(ENTITLEMENTS, "org_id", org_ids)}
    rows: list[dict[str, Any]] = []
    changed: list[str] = []
    for org_id in org_ids:
        entitlement = entitlement_of(states.get(org_id, ()), config, lookup_keys)
        values = {name: getattr(entitlement, name) for name in _FIELDS}
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
            changed.append(org_id)
            cause = causes.get(org_id, otherwise)
            workspace.tell_change(
                {
                    "org_id": org_id,
                    "changed_at": now,
                    "event_id": cause.event_id,
                    "event_created": cause.event_created,
                    "cause": cause.name,
                    "before": before,
                    "after": values,
                }
            )
    workspace.put(ENTITLEMENTS, rows)
    return changed


def _states(workspace: Workspace, org_ids: list[str]) -> dict[str, list[SubscriptionState]]:
    org_of = {
        row["customer_id"]: row["org_id"] for row in workspace.by(CUSTOMERS, "org_id", org_ids)
    }
    states: dict[str, list[SubscriptionState]] = defaultdict(list)
    for row in workspace.by(_SUBSCRIPTIONS, "customer_id", org_of):
        states[org_of[row["customer_id"]]].append(state_of_row(row))
    return states
