"""Which org a customer belongs to, and the rows that follow it when that changes.

An org's id is the customer's metadata, else a Checkout session's ``client_reference_id``, else the
customer id itself. Where two live customers claim one org the one created first keeps it; the
other stays under its own id, marked with the org that it claims.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlmodel import SQLModel

from webhook_listener.projection.rows import fetch, select_by, upsert

Row = Mapping[str, Any]

CUSTOMERS = SQLModel.metadata.tables["customers"]
ORGANIZATIONS = SQLModel.metadata.tables["organizations"]
ENTITLEMENTS = SQLModel.metadata.tables["plan_entitlements"]
_CHANGES = SQLModel.metadata.tables["entitlement_changes"]
_EVENTS = SQLModel.metadata.tables["webhook_events"]
_LINKS = SQLModel.metadata.tables["portal_links"]
_LATEST = datetime.max.replace(tzinfo=UTC)


def wanted_org_id(customer: Row) -> str:
    """The org that a customer asks to belong to."""
    return str(
        customer["claimed_org_id"] or customer["checkout_reference"] or customer["customer_id"]
    )


def assign(connection: Connection, customer_ids: Iterable[str]) -> set[str]:
    """Give each customer, and whoever shares an org with it, its org; returns the orgs touched."""
    touched = select_by(connection, CUSTOMERS, "customer_id", customer_ids)
    org_ids = {str(row["org_id"]) for row in touched} | {wanted_org_id(row) for row in touched}
    rivals = _rivals(connection, org_ids)
    moved: list[Row] = []
    for customer in rivals.values():
        org_id, conflict = _org_of(customer, rivals.values())
        if (org_id, conflict) != (customer["org_id"], customer["conflicting_org_id"]):
            moved.append({**customer, "org_id": org_id, "conflicting_org_id": conflict})
            org_ids |= {org_id, str(customer["org_id"])}
    if moved:
        connection.execute(
            update(CUSTOMERS)
            .where(CUSTOMERS.c.customer_id == bindparam("key"))
            .values(org_id=bindparam("to"), conflicting_org_id=bindparam("conflict")),
            [
                {
                    "key": row["customer_id"],
                    "to": row["org_id"],
                    "conflict": row["conflicting_org_id"],
                }
                for row in moved
            ],
        )
    _adopt_events(connection, {str(row["customer_id"]) for row in (*moved, *touched)})
    _rebuild(connection, org_ids)
    return org_ids


def _rivals(connection: Connection, org_ids: set[str]) -> dict[str, Row]:
    """Every customer that is in one of the orgs or asks for it."""
    keys = list(org_ids)
    statement = select(CUSTOMERS).where(
        or_(
            CUSTOMERS.c.org_id.in_(keys),
            CUSTOMERS.c.claimed_org_id.in_(keys),
            CUSTOMERS.c.checkout_reference.in_(keys),
            CUSTOMERS.c.customer_id.in_(keys),
        )
    )
    return {row["customer_id"]: row for row in fetch(connection, statement)}


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


def _adopt_events(connection: Connection, customer_ids: set[str]) -> None:
    rows = connection.execute(
        select(CUSTOMERS.c.customer_id, CUSTOMERS.c.org_id).where(
            CUSTOMERS.c.customer_id.in_(list(customer_ids))
        )
    )
    org_of = {customer_id: org_id for customer_id, org_id in rows}  # noqa: C416 - a Row is no pair
    if org_of:
        connection.execute(
            update(_EVENTS)
            .where(
                _EVENTS.c.customer_id == bindparam("key"),
                _EVENTS.c.org_id.is_distinct_from(bindparam("to")),
            )
            .values(org_id=bindparam("to")),
            [{"key": key, "to": org_id} for key, org_id in sorted(org_of.items())],
        )


def _rebuild(connection: Connection, org_ids: set[str]) -> None:
    members: dict[str, list[Row]] = defaultdict(list)
    for row in select_by(connection, CUSTOMERS, "org_id", org_ids):
        members[str(row["org_id"])].append(row)
    present = {
        row["org_id"]: row for row in select_by(connection, ORGANIZATIONS, "org_id", org_ids)
    }
    rows = [
        _organization(org_id, members[org_id], present.get(org_id))
        for org_id in sorted(org_ids)
        if members[org_id] or (org_id in present and present[org_id]["imported_at"] is not None)
    ]
    kept = {row["org_id"] for row in rows}
    _forget(connection, [org_id for org_id in org_ids if org_id not in kept])
    leaving = [row["org_id"] for row in rows if row["org_id"] in present]
    connection.execute(
        update(ORGANIZATIONS)
        .where(ORGANIZATIONS.c.org_id.in_(leaving))
        .values(stripe_customer_id=None)
    )
    upsert(connection, ORGANIZATIONS, rows)


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


def _forget(connection: Connection, org_ids: list[str]) -> None:
    """Take away orgs that nobody belongs to any more; their history goes with the customer."""
    if not org_ids:
        return
    heirs = {
        row["customer_id"]: row["org_id"]
        for row in select_by(connection, CUSTOMERS, "customer_id", org_ids)
    }
    for old, new in heirs.items():
        for table in (_CHANGES, _LINKS):
            connection.execute(update(table).where(table.c.org_id == old).values(org_id=new))
    for table in (ENTITLEMENTS, ORGANIZATIONS):
        connection.execute(table.delete().where(table.c.org_id.in_(org_ids)))
