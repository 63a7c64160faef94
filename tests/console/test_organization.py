"""One organization's page: past and present, narrowed and whole, by role."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from billing_core.config import BillingConfig
from billing_core.database import reader
from billing_core.entitlement import entitlement_of
from billing_core.rows import Change
from console.access_picture import segments
from tests.console.watching import Desk, desk, visible
from tests.core.company import START, Company, subscription
from tests.support.databases import fresh_sqlite
from webhook_listener.database import writer_engine


def _organization() -> None:
    from console.pages.organization import page

    page()


@pytest.fixture
def company(tmp_path: Path, sqlite_template: Path) -> Company:
    url = fresh_sqlite(tmp_path, sqlite_template)
    made = Company(writer_engine(url), reader(url))
    active = made.subscribe("org_acme", name="Acme", quantity=3)
    made.later(days=5)
    made.event("invoice.paid", {"id": "in_1", "object": "invoice", "customer": "cus_acme"})
    made.later(days=5)
    made.change(active, status="past_due")
    return made


@pytest.fixture
def at_desk(company: Company, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk(monkeypatch, company.reader)


def opened(at_desk: Desk, role: str, **query: str) -> AppTest:
    at_desk.sit(role)
    at = at_desk.open(_organization, org="org_acme", **query)
    assert not at.exception
    return at


def test_what_next_chooses_the_destination_in_the_panel(at_desk: Desk) -> None:
    at = opened(at_desk, "support")
    assert at.radio[0].value is None
    at = at.button(key="next_step_0").click().run()
    assert at.radio[0].value == "Update payment method"


def test_who_may_not_make_links_reads_what_support_would_do(at_desk: Desk) -> None:
    seen = visible(opened(at_desk, "finance"))
    assert "Stripe then retries. Support sends them to Update payment method." in seen
    assert "Choose Update payment method" not in seen


def test_the_past_is_marked_and_sends_nobody_anywhere(at_desk: Desk) -> None:
    at = opened(at_desk, "support", as_of="2026-06-03T00:00:00Z")
    seen = visible(at)
    assert "As it was on 3 June 2026, 00:00. Not the present." in seen
    assert "So from 1 June 2026, 09:00 until 11 June 2026, 09:00." in seen
    assert "Back to now" in seen
    assert "Has access because Stripe last said active on 1 June 2026" in seen
    assert "Send the customer to" not in seen
    assert not at.radio
    timeline = seen.split("Timeline")[1]
    assert "A subscription to Pro monthly began" in timeline
    assert "invoice" not in timeline.lower()
    assert "past due" not in timeline


@pytest.mark.parametrize("senseless", ["yesterday", "2999-01-01T00:00:00Z", "", "2026-13-01"])
def test_a_senseless_or_later_moment_is_the_present(at_desk: Desk, senseless: str) -> None:
    seen = visible(opened(at_desk, "support", as_of=senseless))
    assert "Not the present" not in seen
    assert "Send the customer to" in seen


def test_a_moment_before_everything_knew_nothing(at_desk: Desk) -> None:
    seen = visible(opened(at_desk, "support", as_of="2020-01-01T00:00:00Z"))
    assert "Nothing was known of it yet." in seen


def test_the_timeline_is_narrowed_by_the_address_and_by_its_control(at_desk: Desk) -> None:
    paid = visible(opened(at_desk, "support", kind="payments")).split("Timeline")[1]
    assert "An invoice was paid." in paid
    assert "A subscription to Pro monthly began" not in paid
    at = opened(at_desk, "support", kind="nonsense")
    assert "A subscription to Pro monthly began" in visible(at)
    at = at.button_group(key="kind").set_value("subscription").run()
    assert at.query_params["kind"] == "subscription"
    assert "An invoice was paid." not in visible(at)


@pytest.mark.parametrize("role", ["support", "finance"])
def test_a_raw_payload_is_absent_and_refused_to_whoever_may_not(at_desk: Desk, role: str) -> None:
    assert "Raw payload" not in visible(opened(at_desk, role))
    at = opened(at_desk, role, payload="evt_000002")
    assert "Your role does not include the raw payloads of events." in visible(at)
    assert not at.code


@pytest.mark.parametrize("role", ["ops", "admin"])
def test_a_raw_payload_is_shown_to_whoever_may(at_desk: Desk, role: str) -> None:
    assert "Raw payload" in visible(opened(at_desk, role))
    at = opened(at_desk, role, payload="evt_000002")
    assert '"type": "customer.subscription.created"' in at.code[0].value
    unknown = opened(at_desk, role, payload="evt_nobody")
    assert "This organization has no event “evt_nobody”." in visible(unknown)


def test_another_organizations_payload_is_not_shown_here(at_desk: Desk, company: Company) -> None:
    company.subscribe("org_other")
    at = opened(at_desk, "ops", payload="evt_000006")
    assert "This organization has no event" in visible(at)
    assert not at.code


def test_links_are_listed_with_their_state_for_whoever_may_read_them(
    at_desk: Desk, company: Company
) -> None:
    company.add(
        "portal_links",
        link_id="link_1",
        token_hash="t",
        return_token_hash="r",
        org_id="org_acme",
        destination="Cancel subscription",
        reason="T-1",
        created_by="jane",
        created_by_role="support",
        created_at=datetime.now(UTC) - timedelta(hours=1),
        expires_at=datetime.now(UTC) + timedelta(days=1),
        uses_allowed=1,
        uses=0,
    )
    seen = visible(opened(at_desk, "support"))
    assert "Support links" in seen
    assert "Not used yet; works until" in seen
    assert "Support links" not in visible(opened(at_desk, "finance"))


def test_add_ons_and_every_subscription_are_shown(at_desk: Desk, company: Company) -> None:
    second = subscription("sub_two", "cus_acme", start=company.now, status="canceled")
    company.event("customer.subscription.created", second)
    seen = visible(opened(at_desk, "ops"))
    assert "Subscriptions 2 in all" in seen
    assert "Decides what the organization has" in seen
    assert "One that gives access decides before one that does not" in seen


def test_one_change_is_one_segment_a_lane_and_two_hundred_alike_are_no_more() -> None:
    nothing = entitlement_of((), BillingConfig(), {})
    one = [Change(START, START, nothing)]
    until = START + timedelta(days=400)
    assert [(s.lane, s.label) for s in segments(one, until)] == [
        ("Status", "No subscription"),
        ("Plan", "None"),
        ("Access", "No"),
    ]
    many = [Change(START + timedelta(days=day), START, nothing) for day in range(200)]
    found = segments(many, until)
    assert len(found) == 3
    assert {(s.start, s.end) for s in found} == {(START, until)}
