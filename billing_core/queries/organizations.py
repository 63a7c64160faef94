"""The list of organizations: searched, filtered, a page at a time."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.entitlement import NO_SUBSCRIPTION
from billing_core.queries.choosing import choose
from billing_core.queries.keyset import decode_cursor, encode_cursor
from billing_core.queries.list_page import Order, Page
from billing_core.queries.narrowing import OrganizationFilters
from billing_core.queries.search import matches, read_search_text
from billing_core.queries.tables import (
    ENTITLEMENTS,
    ORGANIZATIONS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import OrganizationPage, OrganizationRow


def search_organizations(
    connection: Connection,
    text: str = "",
    filters: OrganizationFilters | None = None,
    *,
    order: Order = Order.NEWEST,
    after: str | None = None,
    limit: int = 25,
    config: BillingConfig | None = None,
) -> OrganizationPage:
    """Organizations that ``text`` names and ``filters`` let through.

    ``text`` may be part of a name or e-mail address, or a whole id: org, customer, subscription,
    price, lookup key, event, invoice. ``after`` is the ``next_cursor`` of the page before. Counts
    say where they stop: at ten thousand, sooner where a text is in many names.
    """
    config = config_or_default(config)
    chosen, count = choose(
        connection,
        matches(connection, read_search_text(text)),
        filters or OrganizationFilters(),
        Page(order, decode_cursor(after, 2), limit),
    )
    last = chosen[limit - 1] if len(chosen) > limit else None
    ids = [row["org_id"] for row in chosen[:limit]]
    found = fetch(connection, _statement().where(ORGANIZATIONS.c.org_id.in_(ids))) if ids else []
    rows = {row["org_id"]: row for row in found}
    return OrganizationPage(
        rows=tuple(organization_row(rows[key], config) for key in ids if key in rows),
        next_cursor=encode_cursor((last["sort"], last["org_id"])) if last is not None else None,
        count=count,
    )


def _statement() -> Select[Any]:
    o, e = ORGANIZATIONS, ENTITLEMENTS
    return (
        select(
            o.c.org_id,
            o.c.name,
            o.c.email,
            o.c.stripe_customer_id,
            o.c.created_at,
            e.c.plan,
            e.c.status,
            e.c.has_access,
            e.c.ends_at,
            e.c.quantity,
            e.c.unit_amount,
            e.c.currency,
            e.c.interval,
            e.c.price_id,
            e.c.interval_count,
        )
        .select_from(o)
        .join(e, e.c.org_id == o.c.org_id, isouter=True)
    )


def organization_row(row: Row, config: BillingConfig) -> OrganizationRow:
    """One line of the list."""
    return OrganizationRow(
        org_id=row["org_id"],
        name=row["name"],
        email=row["email"],
        customer_id=row["stripe_customer_id"],
        created_at=row["created_at"],
        plan=row["plan"],
        plan_name=config.plan_name(row["plan"]),
        status=row["status"] or NO_SUBSCRIPTION,
        has_access=bool(row["has_access"]),
        ends_at=row["ends_at"],
        quantity=row["quantity"],
        unit_amount=row["unit_amount"],
        currency=row["currency"],
        interval=row["interval"],
        interval_count=row["interval_count"] or 1,
        unmapped=row["plan"] is None and row["price_id"] is not None,
    )
