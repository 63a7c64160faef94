"""What people see on each page, by role, with much, little and nothing in the database."""

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel
from streamlit.testing.v1 import AppTest

from billing_core.database import reader
from console import commands
from tests.console.watching import Desk, desk, markdown_read, visible
from tests.core.company import Company, customer, price, subscription
from tests.support.databases import fresh_sqlite
from webhook_listener.database import writer_engine
from webhook_listener.links import results

HOSTILE = (
    "**bold** <script>alert(1)</script> [x](javascript:alert(1)) ![](http://evil.example/p.png)"
)
PAGES_FOLDER = Path(__file__).resolve().parents[2] / "console" / "pages"
Script = Callable[[], None]


def _overview() -> None:
    from console.pages.overview import page

    page()


def _organizations() -> None:
    from console.pages.organizations import page

    page()


def _organization() -> None:
    from console.pages.organization import page

    page()


def _winding_down() -> None:
    from console.pages.winding_down import page

    page()


def _webhooks() -> None:
    from console.pages.webhooks import page

    page()


def _audit() -> None:
    from console.pages.audit import page

    page()


def _links() -> None:
    from console.pages.links import page

    page()


def _insights() -> None:
    from console.pages.insights import page

    page()


def _configuration() -> None:
    from console.pages.configuration import page

    page()


SCRIPTS: dict[str, Script] = {
    "overview": _overview,
    "organizations": _organizations,
    "organization": _organization,
    "winding_down": _winding_down,
    "webhooks": _webhooks,
    "audit": _audit,
    "insights": _insights,
    "links": _links,
    "configuration": _configuration,
}
EVERYBODY = {"support", "finance", "ops", "admin"}
MAY_SEE = {
    "overview": EVERYBODY,
    "organizations": EVERYBODY,
    "organization": EVERYBODY,
    "winding_down": {"finance", "admin"},
    "webhooks": {"ops", "admin"},
    "audit": {"admin"},
    "insights": {"support", "finance", "admin"},
    "links": {"support", "admin"},
    "configuration": {"ops", "admin"},
}


@pytest.fixture
def company(tmp_path: Path, sqlite_template: Path) -> Company:
    url = fresh_sqlite(tmp_path, sqlite_template)
    return Company(writer_engine(url), reader(url))


@pytest.fixture
def at_desk(company: Company, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk(monkeypatch, company.reader)


def _acme(company: Company, name: str = "Acme Robotics", email: str = "hi@acme.example") -> None:
    company.event("customer.created", customer("cus_1", name=name, email=email, org_id="org_acme"))
    company.event("customer.subscription.created", subscription("sub_1", "cus_1", quantity=3))


def _cancel(company: Company, ends_at: datetime, comment: str = "Too dear") -> None:
    company.later(days=1)
    company.change(
        subscription("sub_1", "cus_1", quantity=3),
        cancel_at=int(ends_at.timestamp()),
        canceled_at=int(company.now.timestamp()),
        cancellation_details={
            "reason": "cancellation_requested",
            "feedback": "too_expensive",
            "comment": comment,
        },
    )


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_a_page_is_shown_to_the_roles_that_may_see_it_and_refused_to_the_others(
    at_desk: Desk, company: Company, name: str, role: str
) -> None:
    _acme(company)
    at_desk.sit(role)
    at = at_desk.open(SCRIPTS[name], org="org_acme")
    assert not at.exception
    assert ("Not for your role" in visible(at)) == (role not in MAY_SEE[name])


@pytest.mark.parametrize("name", SCRIPTS)
def test_nobody_sees_only_that_they_were_signed_out(
    at_desk: Desk, company: Company, name: str
) -> None:
    _acme(company)
    at_desk.sit()
    at = at_desk.open(SCRIPTS[name], org="org_acme")
    assert visible(at).split("\n") == [
        "You have been signed out",
        "Nothing was lost. Sign in again",
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("overview", "No organizations yet."),
        ("organizations", "Nothing matches."),
        ("organization", "No such organization"),
        ("winding_down", "Nobody is set to leave."),
        ("webhooks", "Stripe has sent nothing yet."),
        ("audit", "Nothing is recorded."),
        ("insights", "No link was made in this period."),
        ("links", "No support link was made yet."),
        ("configuration", "Not compared yet."),
    ],
)
def test_an_empty_database_is_explained(at_desk: Desk, name: str, says: str) -> None:
    at_desk.sit("admin")
    at = at_desk.open(SCRIPTS[name])
    assert not at.exception
    assert says in visible(at)


def _app() -> AppTest:
    return AppTest.from_file(str(PAGES_FOLDER.parent / "app.py"), default_timeout=60).run()


def test_a_database_that_is_away_is_a_sentence_and_trying_again_helps(
    company: Company, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    away = desk(monkeypatch, reader(f"sqlite:///{tmp_path / 'nowhere' / 'billing.sqlite3'}"))
    away.sit("admin")
    at = _app()
    assert not at.exception
    assert "The database cannot be read at the moment." in visible(at)
    desk(monkeypatch, company.reader)
    at.button[[button.label for button in at.button].index("Try again")].click().run()
    assert "No organizations yet." in visible(at)


def test_a_listener_that_is_away_is_said_and_everything_stored_stays_readable(
    at_desk: Desk, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    _acme(company)
    at_desk.sit("support")
    monkeypatch.setattr(commands, "listener_answers", lambda: False)
    at = _app()
    assert "The listener does not answer." in visible(at)
    assert "What came since is not stored yet." in visible(at)
    assert "Acme Robotics" in visible(at)


def _told_once_that_the_listener_is_away() -> None:
    import streamlit as st

    from console import watch

    drawn = st.session_state.setdefault("drawn", [])
    drawn.append(watch.told_to_answer(answers=bool(drawn)))
    watch.watch("org_nobody", None)


def test_an_organizations_page_is_drawn_anew_once_the_listener_is_back(at_desk: Desk) -> None:
    at_desk.sit("support")
    at = at_desk.open(_told_once_that_the_listener_is_away)
    assert at.session_state["drawn"] == [False, True]


def test_the_menu_lists_what_a_role_may_see(at_desk: Desk, company: Company) -> None:
    _acme(company)
    at_desk.sit("finance")
    at = _app()
    assert "Finance" in "".join(element.proto.body for element in at.sidebar.get("html"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_hostile_name_is_shown_literally_and_never_read_as_markdown(
    at_desk: Desk, company: Company, name: str
) -> None:
    _acme(company, name=HOSTILE, email="**x**@evil.example")
    _cancel(company, datetime.now(UTC) + timedelta(days=20), comment=HOSTILE)
    at_desk.sit("admin")
    at = at_desk.open(SCRIPTS[name], org="org_acme")
    assert not at.exception
    bodies = [element.proto.body for element in at.get("html")]
    assert not any("<script>alert" in body for body in bodies)
    assert "evil.example" not in markdown_read(at)
    assert "**bold**" not in markdown_read(at)
    if name not in ("webhooks", "audit", "insights", "links", "configuration"):
        assert any("**bold** &lt;script&gt;alert(1)&lt;/script&gt;" in body for body in bodies)


def test_an_organization_says_what_it_has_and_why(at_desk: Desk, company: Company) -> None:
    _acme(company)
    at_desk.sit("finance")
    seen = visible(at_desk.open(_organization, org="org_acme"))
    assert "Acme Robotics" in seen
    assert "org_acme · hi@acme.example · cus_1" in seen
    assert "Active" in seen
    assert "3 × €49.00 a month" in seen
    assert "Has access because Stripe last said active on 1 June 2026 (event evt_000002)." in seen
    assert "A subscription to Pro monthly began, 3 seats." in seen
    assert "Winding down" not in seen


def test_a_winding_down_organization_says_when_it_ends_and_what_the_customer_said(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    _cancel(company, datetime(2099, 8, 14, 12, tzinfo=UTC))
    at_desk.sit("finance")
    seen = visible(at_desk.open(_organization, org="org_acme"))
    assert "Winding down: ends on 14 August 2099" in seen
    assert "Reason given: too expensive." in seen
    assert "“Too dear”" in seen
    assert "to end on 14 August 2099. Reason: too expensive." in seen.split("Timeline")[1]


def test_an_end_that_has_passed_without_a_report_is_not_told_as_one_to_come(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    _cancel(company, datetime.now(UTC) - timedelta(hours=1))
    at_desk.sit("support")
    seen = visible(at_desk.open(_organization, org="org_acme"))
    assert "Winding down: was to end on" in seen
    assert "Winding down: ends on" not in seen
    assert "stays until then" not in seen
    assert "can undo the end until" not in seen


def test_finance_and_ops_see_no_way_to_make_a_link(at_desk: Desk, company: Company) -> None:
    _acme(company)
    for role in ("finance", "ops"):
        at_desk.sit(role)
        at = at_desk.open(_organization, org="org_acme")
        assert "Send the customer to" not in visible(at)
        assert not at.radio


def test_each_destination_is_offered_or_explained(at_desk: Desk, company: Company) -> None:
    _acme(company)
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_acme")
    account = ["Update payment method", "Update billing details", "Billing home"]
    plan = ["Cancel subscription", "Switch plan", "Confirm plan change", "Pause subscription"]
    assert at.radio[0].options == [*plan, *account]
    _cancel(company, datetime(2099, 8, 14, 12, tzinfo=UTC))
    at = at_desk.open(_organization, org="org_acme")
    assert at.radio[0].options == account
    told = visible(at)
    assert "Already set to end on 14 August 2099: send them to Billing home to undo it." in told
    changes = "Switch plan, Confirm plan change, Pause subscriptionSet to end on 14 August 2099"
    assert changes in told  # one reason, told once


def test_an_organization_without_a_customer_is_offered_checkout(
    at_desk: Desk, company: Company
) -> None:
    company.add("organizations", org_id="org_new", name="New Ltd", imported_at=company.now)
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_new")
    assert at.radio[0].options == ["Checkout"]
    assert "it has never been a customer in Stripe" in visible(at)


def test_a_customer_whose_subscription_ended_keeps_the_portal_and_is_offered_checkout(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    over = int(company.later(days=3).now.timestamp())
    ended = subscription("sub_1", "cus_1", status="canceled", ended_at=over)
    company.event("customer.subscription.deleted", ended)
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_acme")
    assert at.radio[0].options == [
        "Update payment method",
        "Update billing details",
        "Billing home",
        "Checkout",
    ]
    assert "No access because Stripe last said canceled" in visible(at)


def test_a_link_needs_a_destination_and_a_reason(at_desk: Desk, company: Company) -> None:
    """What is missing is said at the button, above what is not possible."""
    _acme(company)
    _cancel(company, datetime(2099, 8, 14, 12, tzinfo=UTC))
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_acme")
    create = next(button for button in at.button if button.label == "Create link")
    at = create.click().run()
    told = visible(at)
    assert told.index("Choose where the link leads first.") < told.index("Not possible now")
    at.radio[0].set_value("Billing home").run()
    at.text_input[0].set_value("  x ")
    create = next(button for button in at.button if button.label == "Create link")
    at = create.click().run()
    assert "Say why first" in visible(at)


def test_of_several_subscriptions_one_is_chosen(at_desk: Desk, company: Company) -> None:
    _acme(company)
    second = subscription("sub_2", "cus_1", price("team_monthly", amount=9900))
    company.event("customer.subscription.created", second)
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_acme")
    assert sorted(at.selectbox[0].options) == [
        "Pro, active (sub_1)",
        "Team, active (sub_2)",
    ]
    assert "Subscriptions 2 in all" in visible(at)


def test_a_search_in_the_address_narrows_the_list(at_desk: Desk, company: Company) -> None:
    _acme(company)
    company.event("customer.created", customer("cus_2", name="Blue Harbor", org_id="org_blue"))
    at_desk.sit("support")
    everybody = visible(at_desk.open(_organizations))
    assert "2 organizations" in everybody
    found = at_desk.open(_organizations, q="robot")
    assert "1 organization" in visible(found)
    assert "Blue Harbor" not in visible(found)
    assert found.text_input[0].value == "robot"
    assert "Nothing matches." in visible(at_desk.open(_organizations, q="robot", show="past_due"))


def test_a_senseless_address_shows_everything_rather_than_an_error(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    at_desk.sit("admin")
    nonsense = {"status": "x", "plan": "y", "order": "z", "show": "q", "after": "%%%"}
    at = at_desk.open(_organizations, **nonsense)
    assert not at.exception
    assert "1 organization" in visible(at)
    assert not at_desk.open(_audit, after="e30", org="\0").exception
    assert not at_desk.open(_winding_down, plan="nothing", after="e30").exception


def test_a_long_list_is_paged(at_desk: Desk, company: Company) -> None:
    for number in range(30):
        company.event(
            "customer.created",
            customer(f"cus_{number}", name=f"Org {number:02}", org_id=f"o{number}"),
        )
    at_desk.sit("support")
    at = at_desk.open(_organizations, order="name")
    assert "Org 24" in visible(at)
    assert "Org 25" not in visible(at)
    at = at.button(key="next_page").click().run()
    assert "Org 25" in visible(at)
    assert "Org 24" not in visible(at)
    at = at.button(key="first_page").click().run()
    assert "Org 00" in visible(at)


def test_finance_sees_who_leaves_with_totals_per_currency_and_interval(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    _cancel(company, datetime.now(UTC) + timedelta(days=20))
    at_desk.sit("finance")
    seen = visible(at_desk.open(_winding_down))
    assert "1 organization" in seen
    assert "€147.00" in seen
    assert "3 × €49.00 a month" in seen
    assert "Too expensive" in seen


def test_a_period_that_is_over_without_an_end_reported_is_called_overdue(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    _cancel(company, datetime.now(UTC) - timedelta(hours=2))
    at_desk.sit("finance")
    assert "Overdue: no end reported" in visible(at_desk.open(_winding_down))
    at_desk.sit("support")
    at = at_desk.open(_organization, org="org_acme")
    assert "Stripe has reported no end: ask operations" in visible(at)
    assert "The customer can undo the end" not in markdown_read(at)


def test_page_modules_define_and_run_nothing() -> None:
    for path in PAGES_FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            constant = isinstance(node, ast.Assign | ast.AnnAssign)
            allowed = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            assert docstring or constant or isinstance(node, allowed), path.name
        if path.name != "__init__.py":
            assert any(isinstance(n, ast.FunctionDef) and n.name == "page" for n in tree.body)
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 80, path.name


def test_older_entries_are_shown_when_asked_for(at_desk: Desk, company: Company) -> None:
    _acme(company)
    for number in range(50):
        company.later(days=1)
        company.event(
            "customer.updated", customer("cus_1", name=f"Acme {number:02}", org_id="org_acme")
        )
    at_desk.sit("ops")
    at = at_desk.open(_organization, org="org_acme")
    assert "A subscription to Pro monthly began" not in visible(at)
    at = at.button(key="timeline_older").click().run()
    at = at.toggle(key="timeline_everything").set_value(True).run()
    assert "A subscription to Pro monthly began" in visible(at)


def test_the_newest_changes_say_when_they_happened_and_name_the_plan(
    at_desk: Desk, company: Company
) -> None:
    """The time is Stripe's own, not when the event reached us."""
    _acme(company)
    with company.engine.begin() as connection:
        late = company.now + timedelta(days=9)
        changes = SQLModel.metadata.tables["entitlement_changes"]
        connection.execute(changes.update(), {"changed_at": late})
    at_desk.sit("support")
    seen = visible(at_desk.open(_overview)).split("Newest changes")[1]
    assert "Plan: Pro" in seen
    assert "1 June 2026" in seen
    assert "10 June 2026" not in seen


def test_the_newest_changes_are_in_the_order_in_which_they_happened(
    at_desk: Desk, company: Company
) -> None:
    """Deliveries overtake one another; whoever reads times from top to bottom need not know."""
    company.later(days=2)
    company.subscribe("org_later")
    company.later(days=-1)
    company.subscribe("org_earlier")
    at_desk.sit("support")
    seen = visible(at_desk.open(_overview)).split("Newest changes")[1]
    assert seen.index("org_later") < seen.index("org_earlier")


def test_who_claims_an_organization_that_is_taken_is_named_beside_the_count(
    at_desk: Desk, company: Company
) -> None:
    company.subscribe("org_one")
    company.later(days=1)
    company.event("customer.created", customer("cus_late", org_id="org_one", created=company.now))
    for role, told in (("support", True), ("finance", False)):
        at_desk.sit(role)
        at = at_desk.open(_overview)
        table = [each.proto.body for each in at.get("html") if "Also claimed by" in each.proto.body]
        assert bool(table) == told
        if told:
            assert 'href="/organization?org=org_one"' in table[0]
            assert 'href="/organization?org=cus_late"' in table[0]


def test_insights_count_each_destination_and_what_came_of_its_links(
    at_desk: Desk, company: Company
) -> None:
    _acme(company)
    now = datetime.now(UTC)
    link = {
        "org_id": "org_acme",
        "destination": "Cancel subscription",
        "reason": "T-1",
        "created_by": "jane",
        "created_by_role": "support",
        "expires_at": now + timedelta(days=1),
        "uses_allowed": 1,
    }
    for number, used in enumerate((None, now - timedelta(days=2))):
        hashes = {"token_hash": f"t{number}", "return_token_hash": f"r{number}"}
        made = {"link_id": f"link_{number}", "created_at": now - timedelta(days=3), "uses": 0}
        company.add("portal_links", **link, **hashes, **made, last_redeemed_at=used)
    with company.engine.begin() as connection:
        results.rebuild(connection, now=now)
    at_desk.sit("finance")
    assert "Cancel subscription020101–" in visible(at_desk.open(_insights))
