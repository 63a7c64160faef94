"""Finding an organization, paging through many, and everything known of one."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from billing_core import queries
from billing_core.queries import Order, OrganizationFilters
from billing_core.rows import OrganizationPage, OrganizationView
from tests.core.company import CONFIG, START, Company, customer, price, subscription


def find(company: Company, text: str = "", **filters: object) -> list[str]:
    return org_ids(page_of(company, text, OrganizationFilters(**filters)).rows)  # type: ignore[arg-type]


def page_of(
    company: Company,
    text: str = "",
    filters: OrganizationFilters | None = None,
    *,
    order: Order = Order.NEWEST,
    after: str | None = None,
    limit: int = 25,
) -> OrganizationPage:
    with company.reader.connect() as connection:
        return queries.search_organizations(
            connection, text, filters, order=order, after=after, limit=limit, config=CONFIG
        )


def org_ids(rows: Iterable[object]) -> list[str]:
    return [row.org_id for row in rows]  # type: ignore[attr-defined]


def view_of(company: Company, org_id: str) -> OrganizationView:
    with company.reader.connect() as connection:
        found = queries.organization(connection, org_id, config=CONFIG)
    assert found is not None
    return found


@pytest.fixture
def acme(company: Company) -> Company:
    company.subscribe("org_acme", name="Acme Robotics", email="ada@acme.example")
    company.later(minutes=1)
    company.event("invoice.paid", {"id": "in_acme1", "customer": "cus_acme", "object": "invoice"})
    company.subscribe("org_zuerich", name="Zürich ÉCOLE 100%_", email="info@ecole.example")
    company.later(minutes=1)
    company.subscribe(
        "org_sber", price("team_monthly"), name="СберБанк Ελλάδα", email="sber@example.org"
    )
    return company


@pytest.mark.parametrize(
    "text",
    [
        "acme",
        "ROBOT",
        "Acme Robotics",
        "  acme rob\n",
        "ada@acme.example",
        "ADA@ACME.EXAMPLE",
        "Ada Lovelace <ada@acme.example>",
        "mailto:ada@acme.example",
        "@acme",
        "org_acme",
        "cus_acme",
        "sub_acme",
        "evt_000001",
        "in_acme1",
        '"cus_acme"',
        "https://dashboard.stripe.com/acct_1abc/test/customers/cus_acme",
        "https://dashboard.stripe.com/subscriptions/sub_acme?tab=x",
        "\u200bcus_acme\u00a0",
    ],
)
def test_an_org_is_found_by_whatever_was_pasted(acme: Company, text: str) -> None:
    assert find(acme, text) == ["org_acme"]


@pytest.mark.parametrize("text", ["école", "ÉCOLE", "zürich", "ZÜRICH éc", "100%", "%_", "É"])
def test_case_is_ignored_in_every_alphabet_and_wildcards_are_plain_text(
    acme: Company, text: str
) -> None:
    assert find(acme, text) == ["org_zuerich"]


@pytest.mark.parametrize("text", ["сбербанк", "ελλάδα", "БАНК"])
def test_mixed_case_in_other_alphabets_is_found(acme: Company, text: str) -> None:
    assert find(acme, text) == ["org_sber"]


@pytest.mark.parametrize("text", ["a%c", "_cme", "nobody", "cus_nobody", "'; DROP TABLE x", "\x00"])
def test_what_is_not_there_is_not_found(acme: Company, text: str) -> None:
    expected = ["org_sber", "org_zuerich", "org_acme"] if text == "\x00" else []
    assert find(acme, text) == expected


def test_a_price_or_its_lookup_key_finds_those_who_pay_it(acme: Company) -> None:
    assert find(acme, "price_pro_monthly") == ["org_zuerich", "org_acme"]
    assert find(acme, "pro_monthly") == ["org_zuerich", "org_acme"]
    assert find(acme, "price_team_monthly") == ["org_sber"]


def test_a_customer_that_is_not_the_first_of_its_org_still_finds_it(acme: Company) -> None:
    acme.event("customer.created", customer("cus_second", created=acme.now))
    acme.event(
        "checkout.session.completed",
        {
            "id": "cs_1",
            "object": "checkout.session",
            "customer": "cus_second",
            "client_reference_id": "org_new",
        },
    )
    assert find(acme, "cus_second") == ["org_new"]


def test_each_filter_lets_through_what_it_names(company: Company) -> None:
    company.subscribe("org_active")
    company.later(minutes=1)
    company.subscribe("org_late", status="past_due")
    company.later(minutes=1)
    leaving = company.subscribe("org_leaving", price("team_monthly", currency="usd"))
    company.change(leaving, cancel_at=int((START + timedelta(days=9)).timestamp()))
    company.subscribe("org_odd", price(None, price_id="price_2019", interval="year"))
    company.later(minutes=1)
    company.event(
        "customer.created", customer("cus_never", org_id="org_never", created=company.now)
    )
    company.add("organizations", org_id="org_imported", name="Imported", imported_at=company.now)
    company.add(
        "plan_entitlements",
        org_id="org_imported",
        status="none",
        has_access=False,
        updated_at=company.now,
        revision=1,
    )

    assert find(company, status="active") == ["org_odd", "org_leaving", "org_active"]
    assert find(company, past_due=True) == ["org_late"]
    assert find(company, winding_down=True) == ["org_leaving"]
    assert find(company, plan="team") == ["org_leaving"]
    assert find(company, unmapped=True) == ["org_odd"]
    assert find(company, no_customer=True) == ["org_imported"]
    assert find(company, interval="year") == ["org_odd"]
    assert find(company, currency="USD") == ["org_leaving"]
    assert find(company, status="none") == ["org_never", "org_imported"]
    assert find(company, status="active", plan="pro") == ["org_active"]
    assert find(company, "org_l", winding_down=True) == ["org_leaving"]
    assert find(company, "cus_late", winding_down=True) == []


@pytest.mark.parametrize("order", list(Order))
def test_pages_show_each_org_once_in_order_also_without_a_date_or_name(
    company: Company, order: Order
) -> None:
    for index in range(23):
        company.add(
            "organizations",
            org_id=f"org_{index:02d}",
            name=None if index % 5 == 0 else f"Name {index // 4}",
            created_at=None if index % 7 == 0 else START + timedelta(days=index // 3),
        )
    seen: list[str] = []
    cursor = None
    for _page in range(20):
        page = page_of(company, order=order, after=cursor, limit=3)
        seen += org_ids(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [f"org_{index:02d}" for index in range(23)]
    assert seen == org_ids(page_of(company, order=order, limit=100).rows)
    assert page.count.value == 23


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "W10", "WzEsMiwzXQ", "é", "WyJ4Il0"])
def test_a_mangled_cursor_begins_at_the_beginning(acme: Company, cursor: str) -> None:
    assert org_ids(page_of(acme, after=cursor).rows)[0] == "org_sber"


def test_counts_stop_where_counting_would_cost_more_than_it_tells(company: Company) -> None:
    with company.engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)"
            " INSERT INTO organizations (org_id, name) SELECT 'org_' || i, 'Many ' || i FROM n"
        )
    found = page_of(company, "many")
    assert str(found.count) == "4,000+"
    assert len(found.rows) == 25
    assert str(page_of(company).count) == "10,000+"
    assert str(page_of(company, "many 1049").count) == "11"


def test_the_view_shows_every_subscription_and_which_one_decides(company: Company) -> None:
    company.subscribe("org_two", price("pro_monthly"), price(None, price_id="price_storage"))
    company.later(days=1)
    other = subscription("sub_other", "cus_two", price("team_monthly"), start=company.now)
    company.event("customer.subscription.created", other)
    company.event("product.created", {"id": "prod_pro", "object": "product", "name": "Pro plan"})

    view = view_of(company, "org_two")

    assert [each.facts.subscription_id for each in view.subscriptions] == ["sub_other", "sub_two"]
    assert view.deciding is not None
    assert view.deciding.plan_name == "Team"
    assert view.entitlement.plan == "team"
    plan_item, add_on = view.subscriptions[1].items
    assert (plan_item.plan_name, plan_item.decides) == ("Pro", True)
    assert (add_on.plan_name, add_on.decides) == (None, False)
    assert add_on.product_name == "Pro plan"
    assert view.unmapped_price_ids == ()


def test_a_price_that_nothing_maps_is_named(company: Company) -> None:
    company.subscribe("org_odd", price(None, price_id="price_2019"))
    view = view_of(company, "org_odd")
    assert view.unmapped_price_ids == ("price_2019",)
    assert view.entitlement.unmapped
    assert view.entitlement.has_access


def test_two_customers_that_claim_one_org_are_shown_on_both(company: Company) -> None:
    company.subscribe("org_one")
    company.later(days=1)
    company.event("customer.created", customer("cus_late", org_id="org_one", created=company.now))
    holder = view_of(company, "org_one")
    late = view_of(company, "cus_late")
    assert [claim.customer_id for claim in holder.conflicting_claims] == ["cus_late"]
    assert holder.conflicting_claims == late.conflicting_claims


def test_an_unknown_org_is_none(company: Company) -> None:
    with company.reader.connect() as connection:
        assert queries.organization(connection, "org_nobody", config=CONFIG) is None
        assert queries.entitlement_mark(connection, "org_nobody") is None


def test_the_mark_differs_after_anything_that_arrives_and_the_revision_after_what_counts(
    company: Company,
) -> None:
    made = company.subscribe("org_acme")
    marks = []
    with company.reader.connect() as connection:
        marks.append(queries.entitlement_mark(connection, "org_acme"))
    company.event("payment_method.attached", {"id": "pm_1", "customer": "cus_acme"})
    with company.reader.connect() as connection:
        marks.append(queries.entitlement_mark(connection, "org_acme"))
    company.event("customer.updated", customer("cus_acme", org_id="org_acme"), event_id="evt_0")
    with company.reader.connect() as connection:
        marks.append(queries.entitlement_mark(connection, "org_acme"))
    company.later(minutes=1).change(made, cancel_at_period_end=True)
    with company.reader.connect() as connection:
        marks.append(queries.entitlement_mark(connection, "org_acme"))
    assert len(set(marks)) == 4
    revisions = [mark.revision for mark in marks if mark is not None]
    assert revisions[0] == revisions[1] == revisions[2] < revisions[3]
    last = marks[-1]
    assert last is not None
    assert last.ends_at == START + timedelta(days=30)


def test_those_who_pay_a_common_price_are_all_paged_through(company: Company) -> None:
    with company.engine.begin() as connection:
        for table, columns, values in (
            ("organizations", "org_id, name", "'org_' || i, 'Many ' || i"),
            ("customers", "customer_id, org_id, deleted, suspect, peers",
             "'cus_' || i, 'org_' || i, false, false, 0"),
            ("subscriptions",
             ("subscription_id, customer_id, status, price_id, interval_count, items,"
             " cancel_at_period_end, suspect, peers, event_created, event_id"),
             ("'sub_' || i, 'cus_' || i, 'active', 'price_common', 1, '[]', false, false, 0,"
             " '2026-06-01 00:00:00', 'evt'")),
            ("prices", "price_id, interval_count, deleted, suspect, peers",
             "'price_common', 1, false, false, 0"),
        ):  # fmt: skip
            rows = 1 if table == "prices" else 4200
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                f" WHERE i < {rows}) INSERT INTO {table} ({columns}) SELECT {values} FROM n"
            )
    seen: list[str] = []
    page = page_of(company, "price_common", limit=1500)
    assert str(page.count) == "1,000+"
    while True:
        seen += org_ids(page.rows)
        if page.next_cursor is None:
            break
        page = page_of(company, "price_common", after=page.next_cursor, limit=1500)
    assert len(set(seen)) == len(seen) == 4200
