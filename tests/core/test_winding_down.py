"""Who leaves, when and for how much; who has left."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from billing_core import queries
from billing_core.queries import LeavingFilters
from billing_core.rows import LeavingPage, LeavingRow
from tests.core.company import CONFIG, START, Company, price

NOW = START + timedelta(days=10)


def leaving(
    company: Company, *, after: str | None = None, limit: int = 100, **filters: object
) -> LeavingPage:
    with company.reader.connect() as connection:
        return queries.winding_down(
            connection,
            LeavingFilters(**filters),  # type: ignore[arg-type]
            now=NOW,
            after=after,
            limit=limit,
            config=CONFIG,
        )


def names(rows: Iterable[LeavingRow]) -> list[str]:
    return [row.org_id for row in rows]


@pytest.fixture
def leavers(company: Company) -> Company:
    def leave(org_id: str, days: int, reason: str | None = None, **more: object) -> None:
        made = company.subscribe(org_id, **more)  # type: ignore[arg-type]
        company.later(minutes=1)
        company.change(
            made,
            cancel_at=int((START + timedelta(days=days)).timestamp()),
            canceled_at=int(company.now.timestamp()),
            cancellation_details={
                "reason": "cancellation_requested",
                "feedback": reason,
                "comment": "bye",
            },
        )

    company.subscribe("org_stays")
    leave("org_a", 20, "too_expensive", quantity=3)
    leave("org_b", 5)
    yearly = price("pro_yearly", amount=49000, interval="year")
    made = company.subscribe("org_c", yearly, status="past_due")
    company.change(made, cancel_at_period_end=True)
    yen = price("pro_monthly_jpy", amount=5000, currency="jpy")
    made = company.subscribe("org_d", yen)
    company.change(made, cancel_at=int((START + timedelta(days=15)).timestamp()))
    made = company.subscribe("org_tiers", price("team_monthly", amount=None), quantity=None)
    company.change(made, cancel_at=int((START + timedelta(days=16)).timestamp()))
    return company


def test_those_who_leave_are_listed_soonest_first_with_amount_and_reason(leavers: Company) -> None:
    page = leaving(leavers)
    assert names(page.rows) == ["org_b", "org_d", "org_tiers", "org_a", "org_c"]
    a = page.rows[3]
    assert (a.amount, a.unit_amount, a.quantity) == (14700, 4900, 3)
    assert (a.currency, a.interval, a.plan_name) == ("eur", "month", "Pro")
    assert (a.reason, a.feedback, a.comment) == ("cancellation_requested", "too_expensive", "bye")
    assert a.asked_at is not None
    assert [row.overdue for row in page.rows] == [True, False, False, False, False]
    assert page.rows[4].status == "past_due"


def test_totals_are_per_currency_and_interval_and_equal_the_list_under_every_filter(
    leavers: Company,
) -> None:
    for filters in (
        {},
        {"plan": "pro"},
        {"currency": "JPY"},
        {"interval": "year"},
        {"feedback": "too_expensive"},
        {"reason": "cancellation_requested"},
        {"overdue": True},
        {"overdue": False},
        {"ends_from": NOW, "ends_before": START + timedelta(days=20)},
        {"plan": "nobody"},
    ):
        page = leaving(leavers, limit=2, **filters)
        rows = list(page.rows)
        while page.next_cursor is not None:
            page = leaving(leavers, limit=2, after=page.next_cursor, **filters)
            rows += page.rows
        listed: dict[tuple[str | None, str | None], list[int]] = {}
        for row in rows:
            counts = listed.setdefault((row.currency, row.interval), [0, 0, 0])
            counts[0] += 1
            counts[1] += row.amount or 0
            counts[2] += row.amount is None
        assert {
            (t.currency, t.interval): [t.organizations, t.amount, t.without_amount]
            for t in page.totals
        } == listed


def test_nobody_leaves_an_empty_company(company: Company) -> None:
    page = leaving(company)
    assert (page.rows, page.totals, page.next_cursor) == ((), (), None)


def test_those_who_have_left_are_listed_latest_first(leavers: Company) -> None:
    for number, org in enumerate(("org_a", "org_b", "org_stays")):
        leavers.now = START + timedelta(days=number)
        key = org.removeprefix("org_")
        over = {
            "id": f"sub_{key}",
            "object": "subscription",
            "customer": f"cus_{key}",
            "status": "canceled",
            "ended_at": int(leavers.now.timestamp()),
            "created": int(START.timestamp()),
            "items": {"data": [{"id": "si", "price": price(), "quantity": 2}]},
        }
        leavers.event("customer.subscription.deleted", over)
    with leavers.reader.connect() as connection:
        page = queries.ended_since(
            connection, START + timedelta(hours=1), now=NOW, limit=1, config=CONFIG
        )
        rest = queries.ended_since(
            connection, START + timedelta(hours=1), now=NOW, after=page.next_cursor, config=CONFIG
        )
    assert names(page.rows) == ["org_stays"]
    assert names(rest.rows) == ["org_b"]
    assert page.rows[0].ends_at == START + timedelta(days=2)
    assert not page.rows[0].overdue
    assert [(t.organizations, t.amount) for t in page.totals] == [(2, 19600)]
