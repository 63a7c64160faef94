"""The list of organizations in each of its orders."""

from datetime import timedelta

from billing_core import queries
from billing_core.queries import Order, OrganizationFilters
from tests.core.company import CONFIG, START, Company


def in_order(company: Company, order: Order, *, winding_down: bool = False) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        with company.reader.connect() as connection:
            page = queries.search_organizations(
                connection,
                "",
                OrganizationFilters(winding_down=winding_down),
                order=order,
                after=cursor,
                limit=2,
                config=CONFIG,
            )
        seen += [row.org_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return seen


def test_who_ends_soonest_comes_first_and_who_does_not_end_last(company: Company) -> None:
    for days, org_id in ((20, "org_late"), (5, "org_soon"), (12, "org_next")):
        leaving = company.subscribe(org_id)
        company.change(leaving, cancel_at=int((START + timedelta(days=days)).timestamp()))
        company.later(minutes=1)
    company.subscribe("org_stays")
    assert in_order(company, Order.ENDS) == ["org_soon", "org_next", "org_late", "org_stays"]
    assert in_order(company, Order.ENDS, winding_down=True) == ["org_soon", "org_next", "org_late"]


def test_the_oldest_come_first_where_that_is_asked_for(company: Company) -> None:
    for org_id in ("org_one", "org_two", "org_three"):
        company.subscribe(org_id)
        company.later(days=1)
    assert in_order(company, Order.OLDEST) == ["org_one", "org_two", "org_three"]
    assert in_order(company, Order.NEWEST) == ["org_three", "org_two", "org_one"]
