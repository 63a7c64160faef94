"""The list of organizations: searched, filtered, a page at a time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.entitlement import NO_SUBSCRIPTION
from billing_core.queries.keyset import decode_cursor, encode_cursor, page
from billing_core.queries.search import Kind, Match, matches, read_search_text
from billing_core.queries.tables import (
    ENTITLEMENTS,
    NEVER,
    ORGANIZATIONS,
    SUBSCRIPTIONS,
    WINDING_DOWN,
    Row,
    capped_count,
    config_or_default,
)
from billing_core.rows import Count, OrganizationPage, OrganizationRow

FEW = 1000
COUNT_CAP = 10_000


class Order(StrEnum):
    """How the list is sorted."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class OrganizationFilters:
    """What a list of organizations is narrowed to; everything by default.

    ``plan`` is a slug, ``currency`` as Stripe writes it (``eur``).
    """

    status: str | None = None
    plan: str | None = None
    interval: str | None = None
    currency: str | None = None
    winding_down: bool = False
    past_due: bool = False
    unmapped: bool = False
    no_customer: bool = False


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
    stop at ten thousand, at a thousand where a text was searched for.
    """
    config = config_or_default(config)
    search = read_search_text(text)
    statement, count = _narrowed(
        connection,
        matches(connection, search),
        filters or OrganizationFilters(),
        counted=search.kind is Kind.EVERYTHING,
    )
    sort = _sort(order)
    rows = page(
        connection,
        statement.add_columns(sort.label("sort")),
        sort,
        ORGANIZATIONS.c.org_id,
        after=decode_cursor(after, 2),
        limit=limit + 1,
        descending=order is Order.NEWEST,
    )
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return OrganizationPage(
        rows=tuple(organization_row(row, config) for row in rows[:limit]),
        next_cursor=encode_cursor((last["sort"], last["org_id"])) if last is not None else None,
        count=count,
    )


def _sort(order: Order) -> ColumnElement[Any]:
    """What is sorted by; those without it come last."""
    match order:
        case Order.NAME:
            return func.lower(ORGANIZATIONS.c.name)
        case Order.ENDS:
            return ENTITLEMENTS.c.ends_at
        case _:
            return ORGANIZATIONS.c.created_at


def _entitlement_conditions(
    filters: OrganizationFilters, *, walking: bool = False
) -> list[ColumnElement[bool]]:
    """The filters on ``plan_entitlements``.

    ``walking`` hides its indexes: where many match, going through them all and sorting is the slow
    way, and planners without statistics choose it.
    """
    e = ENTITLEMENTS.c
    equal = (
        (e.status, filters.status),
        (e.plan, filters.plan),
        (e.interval, filters.interval),
        (e.currency, filters.currency and filters.currency.lower()),
        (e.status, "past_due" if filters.past_due else None),
    )
    conditions = [
        (func.coalesce(column, "") if walking else column) == value
        for column, value in equal
        if value
    ]
    if filters.winding_down:
        conditions.append(func.coalesce(e.ends_at, NEVER) > NEVER if walking else WINDING_DOWN)
    if filters.unmapped:
        conditions += [e.plan.is_(None), e.price_id.is_not(None)]
    return conditions


def _narrowed(
    connection: Connection, match: Match | None, filters: OrganizationFilters, *, counted: bool
) -> tuple[Select[Any], Count]:
    """The rows to page through, and how many there are.

    Few matches are found once, by whatever index fits, and then sorted; where there are many,
    walking the sort order's index soon meets enough of them.
    """
    o, e = ORGANIZATIONS.c, ENTITLEMENTS.c
    of_entitlement = _entitlement_conditions(filters)
    of_organization = [o.stripe_customer_id.is_(None)] if filters.no_customer else []
    found = [match.condition] if match is not None else []
    if match is not None and match.org_ids is not None:
        found = [o.org_id.in_(match.org_ids)]
    conditions: list[ColumnElement[bool]] = [*of_organization, *found, *of_entitlement]
    if not conditions:
        return _statement(), capped_count(connection, select(o.org_id), COUNT_CAP)
    if conditions == of_entitlement:
        matching = select(e.org_id).where(*conditions)
    else:
        matching = select(o.org_id).where(*conditions)
        if of_entitlement:
            matching = matching.join(ENTITLEMENTS, e.org_id == o.org_id)
    known = match is not None and match.many and conditions == found
    if not known:
        ids = connection.execute(matching.limit(FEW + 1)).scalars().all()
        if len(ids) <= FEW:
            return _statement().where(o.org_id.in_(ids)), Count(len(ids))
    count = capped_count(connection, matching, COUNT_CAP) if counted else Count(FEW, capped=True)
    walking = _entitlement_conditions(filters, walking=True)
    return _statement().where(*of_organization, *found, *walking), count


def _statement() -> Select[Any]:
    o, e, s = ORGANIZATIONS, ENTITLEMENTS, SUBSCRIPTIONS
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
            s.c.interval_count,
        )
        .select_from(o)
        .join(e, e.c.org_id == o.c.org_id, isouter=True)
        .join(s, s.c.subscription_id == e.c.subscription_id, isouter=True)
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
