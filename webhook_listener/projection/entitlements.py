"""Entitlement rows brought in line with the subscriptions, each change written down."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.entitlement import Entitlement, entitlement_of
from billing_core.subscription_rows import state_of_row
from webhook_listener.projection.organizations import CUSTOMERS, ENTITLEMENTS, ORGANIZATIONS
from webhook_listener.projection.workspace import Row, Workspace

_SUBSCRIPTIONS = SQLModel.metadata.tables["subscriptions"]
_PRICES = SQLModel.metadata.tables["prices"]
_FIELDS = tuple(Entitlement.__dataclass_fields__)
_NOTHING: Row = {
    "interval_count": 1,
    "ended_at": None,
    "cancellation_reason": None,
    "cancellation_feedback": None,
}


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
    orgs = {row["org_id"]: row for row in workspace.by(ORGANIZATIONS, "org_id", org_ids)}
    org_ids = list(orgs)
    subscriptions = _subscriptions(workspace, org_ids)
    states = {key: [state_of_row(row) for row in own] for key, own in subscriptions.items()}
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
        for_lists = _for_lists(orgs[org_id], subscriptions.get(org_id, ()), entitlement)
        if before == values and row is not None and for_lists.items() <= row.items():
            continue
        differs = before is None or any(
            before[name] != values[name] for name in _FIELDS if name != "last_event_id"
        )
        revision = (row["revision"] if row is not None else 0) + differs
        told = {"org_id": org_id, **values, **for_lists}
        rows.append({**told, "updated_at": now, "revision": revision})
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


def _for_lists(org: Row, subscriptions: Iterable[Row], entitlement: Entitlement) -> dict[str, Any]:
    """What stands in the row for lists alone; it changes nobody's entitlement."""
    decides = next(
        (row for row in subscriptions if row["subscription_id"] == entitlement.subscription_id),
        _NOTHING,
    )
    return {
        "interval_count": decides["interval_count"],
        "org_created_at": org["created_at"],
        "ended_at": decides["ended_at"] if not entitlement.has_access else None,
        "cancellation_reason": decides["cancellation_reason"],
        "cancellation_feedback": decides["cancellation_feedback"],
    }


def _subscriptions(workspace: Workspace, org_ids: list[str]) -> dict[str, list[Row]]:
    org_of = {
        row["customer_id"]: row["org_id"] for row in workspace.by(CUSTOMERS, "org_id", org_ids)
    }
    found: dict[str, list[Row]] = defaultdict(list)
    for row in workspace.by(_SUBSCRIPTIONS, "customer_id", org_of):
        found[org_of[row["customer_id"]]].append(row)
    return found
