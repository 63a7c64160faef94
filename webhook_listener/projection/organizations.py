"""Which org a customer belongs to, and the rows that follow it when that changes.

An org's id is the customer's metadata, else a Checkout session's ``client_reference_id``, else the
customer id itself. Where two live customers claim one org the one created first keeps it; the
other stays under its own id, marked with the org that it claims.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlmodel import SQLModel

from webhook_listener.projection.workspace import Row, Workspace

CUSTOMERS = SQLModel.metadata.tables["customers"]
ORGANIZATIONS = SQLModel.metadata.tables["organizations"]
ENTITLEMENTS = SQLModel.metadata.tables["plan_entitlements"]
_LATEST = datetime.max.replace(tzinfo=UTC)


def wanted_org_id(customer: Row) -> str:
    """The org that a customer asks to belong to."""
    return str(
        customer["claimed_org_id"] or customer["checkout_reference"] or customer["customer_id"]
    )


def assign(workspace: Workspace, customer_ids: Iterable[str]) -> set[str]:
    """Give each customer, and whoever shares an org with it, its org; returns the orgs touched."""
    touched = workspace.by(CUSTOMERS, "customer_id", customer_ids)
    org_ids = {str(row["org_id"]) for row in touched} | {wanted_org_id(row) for row in touched}
    rivals = _rivals(workspace, org_ids)
    moved: list[Row] = []
    for customer in rivals.values():
        org_id, conflict = _org_of(customer, rivals.values())
        if (org_id, conflict) != (customer["org_id"], customer["conflicting_org_id"]):
            moved.append({**customer, "org_id": org_id, "conflicting_org_id": conflict})
            org_ids |= {org_id, str(customer["org_id"])}
    workspace.put(CUSTOMERS, moved)
    _rebuild(workspace, org_ids)
    return org_ids


def _rivals(workspace: Workspace, org_ids: set[str]) -> dict[str, Row]:
    """Every customer that asks for one of the orgs.

    Who is found by a reference but asks for another org is none: its rivals there are not at hand.
    """
    return {
        row["customer_id"]: row
        for column in ("claimed_org_id", "checkout_reference", "customer_id")
        for row in workspace.by(CUSTOMERS, column, org_ids)
        if wanted_org_id(row) in org_ids
    }


def _org_of(customer: Row, rivals: Iterable[Row]) -> tuple[str, str | None]:
    wanted = wanted_org_id(customer)
    if customer["deleted"]:
        return wanted, None
    claimants = [row for row in rivals if wanted_org_id(row) == wanted and not row["deleted"]]
    winner = min(
        claimants,
        key=lambda row: (
            row["customer_id"] != wanted,
            row["created_at"] or _LATEST,
            row["customer_id"],
        ),
    )
    if winner["customer_id"] == customer["customer_id"]:
        return wanted, None
    return str(customer["customer_id"]), wanted


def _rebuild(workspace: Workspace, org_ids: set[str]) -> None:
    members: dict[str, list[Row]] = defaultdict(list)
    for row in workspace.by(CUSTOMERS, "org_id", org_ids):
        members[str(row["org_id"])].append(row)
    present = {row["org_id"]: row for row in workspace.by(ORGANIZATIONS, "org_id", org_ids)}
    kept = {
        org_id
        for org_id in org_ids
        if members[org_id] or (org_id in present and present[org_id]["imported_at"] is not None)
    }
    _forget(workspace, sorted(present.keys() - kept))
    workspace.put(
        ORGANIZATIONS,
        [_organization(org_id, members[org_id], present.get(org_id)) for org_id in sorted(kept)],
    )


def _organization(org_id: str, members: Sequence[Row], present: Row | None) -> dict[str, Any]:
    def age(row: Row) -> tuple[datetime, str]:
        return (row["created_at"] or _LATEST, row["customer_id"])

    live = sorted((row for row in members if not row["deleted"]), key=age)
    imported = present if present is not None and present["imported_at"] is not None else None
    speaker = live[0] if live else (max(members, key=age) if members else None)
    created = [row["created_at"] for row in members if row["created_at"] is not None]
    return {
        "org_id": org_id,
        "name": (speaker and speaker["name"]) or (imported["name"] if imported else None),
        "email": (speaker and speaker["email"]) or (imported["email"] if imported else None),
        "stripe_customer_id": live[0]["customer_id"] if live else None,
        "created_at": min(created)
        if created
        else (imported["created_at"] if imported is not None else None),
        "imported_at": imported["imported_at"] if imported is not None else None,
    }


def _forget(workspace: Workspace, org_ids: list[str]) -> None:
    """Take away orgs that nobody belongs to any more; their history goes with the customer."""
    for customer in workspace.by(CUSTOMERS, "customer_id", org_ids):
        workspace.move_history(customer["customer_id"], customer["org_id"])
    workspace.tell_gone(workspace.by(ENTITLEMENTS, "org_id", org_ids))
    workspace.remove(ENTITLEMENTS, org_ids)
    workspace.remove(ORGANIZATIONS, org_ids)
