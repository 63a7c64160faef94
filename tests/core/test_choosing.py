"""However many match, and however they are found, a list is the same list."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from billing_core import queries
from billing_core.queries import (
    Order,
    OrganizationFilters,
    choosing,
    fragments,
    search,
    walking,
)
from billing_core.queries.keyset import decode_cursor
from tests.core.company import CONFIG, Company, customer, price, subscription

Row = dict[str, Any]
Narrow = tuple[dict[str, Any], Callable[[Row], bool]]
NARROWED: tuple[Narrow, ...] = (
    ({}, lambda _: True),
    ({"status": "active"}, lambda row: row["status"] == "active"),
    ({"past_due": True}, lambda row: row["status"] == "past_due"),
    ({"plan": "pro"}, lambda row: row["plan"] == "pro"),
    ({"currency": "JPY"}, lambda row: row["currency"] == "jpy"),
    (
        {"interval": "year", "status": "active"},
        lambda row: (row["interval"], row["status"]) == ("year", "active"),
    ),
    (
        {"plan": "pro", "past_due": True, "currency": "eur"},
        lambda row: (row["plan"], row["status"], row["currency"]) == ("pro", "past_due", "eur"),
    ),
    ({"winding_down": True}, lambda row: row["ends_at"] is not None),
    (
        {"winding_down": True, "plan": "team"},
        lambda row: row["ends_at"] is not None and row["plan"] == "team",
    ),
    ({"unmapped": True}, lambda row: row["plan"] is None and row["price_id"] is not None),
    ({"no_customer": True}, lambda row: row["stripe_customer_id"] is None),
    (
        {"no_customer": True, "status": "none"},
        lambda row: row["stripe_customer_id"] is None and row["status"] == "none",
    ),
)
TEXTS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    ("", lambda _: True),
    ("Alpha", lambda row: "alpha" in (row["name"] or "").lower()),
    ("cus_7", lambda row: row["stripe_customer_id"] == "cus_7"),
    ("price_pro_monthly_jpy", lambda row: row["price_id"] == "price_pro_monthly_jpy"),
    (
        "price_None_eur",
        lambda row: row["price_id"] == "price_None_eur" or row["org_id"] == "org_moved_on",
    ),
)


@pytest.fixture
def varied(company: Company) -> Company:
    """Orgs of each kind, some without a name, some that came in one second, some without a date."""
    for number in range(36):
        if number % 2:
            company.later(minutes=7)
        key = ("pro_monthly", "team_monthly", None)[number % 3]
        currency, interval = ("eur", "jpy")[number % 5 == 0], ("month", "year")[number % 4 == 0]
        made = company.subscribe(
            f"org_{number}",
            price(key, price_id=f"price_{key}_{currency}", currency=currency, interval=interval),
            name=f"{('Alpha', 'Beta')[number % 2]} {number % 7}",
            status=("active", "active", "past_due")[number % 3 if number % 2 else 0],
        )
        if number % 4 == 1:
            ends = int(company.now.timestamp()) + 86_400 * (1 + number % 5)
            company.change(made, cancel_at=ends)
    legacy = price(None, price_id="price_None_eur")
    company.subscribe("org_moved_on", legacy, name="Alpha moved on", status="canceled")
    company.subscribe("org_both", legacy, name="Beta both")
    for key, of in (("moved_on", price("pro_monthly")), ("both", legacy)):
        company.later(minutes=7)
        another = subscription(f"sub_{key}2", f"cus_{key}", of, start=company.now)
        company.event("customer.subscription.created", another)
    company.event("customer.created", customer("cus_none", name=None, created=company.now))
    for number in range(4):
        known: dict[str, Any] = {"org_id": f"org_imported{number}", "name": f"Alpha {number}"}
        company.add("organizations", **known, imported_at=company.now)
        company.add(
            "plan_entitlements",
            org_id=known["org_id"],
            status="none",
            has_access=False,
            updated_at=company.now,
            revision=1,
        )
    return company


@pytest.mark.parametrize(
    ("few", "matching", "glance", "large"),
    [(1, 1, 4, 0), (5, 5, 20, 0), (5, 40, 20, 0), (4_000, 4_000, 1_000, 50_000)],
)
def test_every_list_has_whom_the_rows_name_in_its_order_page_by_page(
    varied: Company,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    matching: int,
    glance: int,
    large: int,
) -> None:
    monkeypatch.setattr(choosing, "FEW", few)
    monkeypatch.setattr(choosing, "RARE", few // 2)
    monkeypatch.setattr(walking, "PROMISING", glance // 4)
    monkeypatch.setattr(walking, "WHILE", 2 * glance)
    monkeypatch.setattr(walking, "FIRST_GLANCE", glance // 2)
    monkeypatch.setattr(walking, "SOON", glance)
    monkeypatch.setattr(walking, "GLANCE", glance)
    monkeypatch.setattr(fragments, "LARGE", large)
    monkeypatch.setattr(search, "MATCHING_IDS", matching)
    monkeypatch.setattr(search, "FEW_PAYERS", few // 2)
    rows = everybody(varied)
    for (filters, lets), (text, names), order in product(NARROWED, TEXTS, Order):
        case = f"{filters} {text} {order}"
        expected = [row for row in rows if lets(row) and names(row)]
        listed, count = paged_through(varied, text, OrganizationFilters(**filters), order)
        assert listed == [row["org_id"] for row in in_order(expected, order)], case
        assert count.value == len(expected) or (count.capped and count.value < len(expected)), case
        assert not (few == 4_000 and count.capped), case


def everybody(company: Company) -> list[Row]:
    organizations, entitlements = (
        SQLModel.metadata.tables[name] for name in ("organizations", "plan_entitlements")
    )
    joined = organizations.join(
        entitlements, entitlements.c.org_id == organizations.c.org_id, isouter=True
    )
    columns = [*organizations.c, *(c for c in entitlements.c if c.name != "org_id")]
    with company.engine.connect() as connection:
        found = connection.execute(select(*columns).select_from(joined)).mappings()
        return [dict(row) for row in found]


def in_order(rows: list[Row], order: Order) -> list[Row]:
    """As the list promises: by what is asked for, then by id; those without it last."""
    descending = order is Order.NEWEST

    def sort(row: Row) -> Any:  # noqa: ANN401 - a time or a name
        if order is Order.NAME:
            return row["name"] and row["name"].lower()
        return row["ends_at"] if order is Order.ENDS else row["created_at"]

    def key(row: Row) -> tuple[Any, str]:
        return (sort(row), row["org_id"])

    there = sorted((row for row in rows if sort(row) is not None), key=key, reverse=descending)
    without = (row for row in rows if sort(row) is None)
    return there + sorted(without, key=lambda row: row["org_id"], reverse=descending)


def paged_through(
    company: Company, text: str, filters: OrganizationFilters, order: Order
) -> tuple[list[str], Any]:
    listed: list[str] = []
    cursor, first = None, None
    while True:
        with company.reader.connect() as connection:
            page = queries.search_organizations(
                connection, text, filters, order=order, after=cursor, limit=7, config=CONFIG
            )
        first = first or page.count
        listed += [row.org_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return listed, first
        assert decode_cursor(cursor, 2) is not None
