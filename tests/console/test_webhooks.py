"""The Webhooks page: what it tells of what waits, over time, of what was missed; and what it does about it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from sqlalchemy import create_engine
from streamlit.testing.v1 import AppTest

from billing_core.commands import EventsRecorded
from billing_core.database import reader
from billing_core.errors import BillingError, BillingErrorCode
from console import commands
from tests.console.browsing import fresh, idle, sign_in, window
from tests.console.serving import Console, running_console
from tests.console.stack import Stack
from tests.console.watching import Desk, desk, markdown_read, visible
from tests.core.company import Company
from tests.support.databases import fresh_sqlite
from tests.support.stripe_events import event, unique

HOSTILE = "![](http://evil.example/p.png) **bold** <script>alert(1)</script>"


def _webhooks() -> None:
    from console.pages.webhooks import page

    page()


@pytest.fixture
def company(tmp_path: Path, sqlite_template: Path) -> Company:
    url = fresh_sqlite(tmp_path, sqlite_template)
    return Company(create_engine(url), reader(url), now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def at_desk(company: Company, monkeypatch: pytest.MonkeyPatch) -> Desk:
    at = desk(monkeypatch, company.reader)
    at.sit("ops")
    return at


def park(company: Company, number: int = 1, error: str = "The status is not text.") -> str:
    event_id = f"evt_parked_{number}"
    company.add(
        "webhook_events",
        event_id=event_id,
        type="customer.subscription.updated",
        outcome="parked",
        error=error,
        org_id="org_acme",
        attempts=3,
        created=company.now,
        received_at=company.now + timedelta(seconds=number),
    )
    return event_id


def keep(company: Company, name: str, value: dict[str, Any]) -> None:
    company.add("listener_state", name=name, value=value, updated_at=company.now)


def bodies(at: AppTest) -> str:
    return "".join(element.proto.body for element in at.get("html"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the page asks of the listener, which records it as number 7."""
    commanded: list[Any] = []

    def ask(_principal: object, command: object) -> EventsRecorded:
        commanded.append(command)
        return EventsRecorded(audit_id=7, events=1)

    monkeypatch.setattr(commands, "ask_about_events", ask)
    return commanded


def test_a_parked_event_says_why_whose_it_is_and_how_often_it_was_tried(
    at_desk: Desk, company: Company
) -> None:
    park(company, error=HOSTILE)
    at = at_desk.open(_webhooks)
    seen = visible(at)
    assert "1 parked event" in seen
    assert "1 event waits for an operator" in seen
    assert "3 attempts" in seen
    assert "/organization?org=org_acme" in bodies(at)
    assert "<script>alert" not in bodies(at)
    assert "evil.example" not in markdown_read(at)
    assert "Alert" in seen.split("Parked")[1]


def test_chosen_events_are_retried_and_only_those(
    at_desk: Desk, company: Company, asked: list[Any]
) -> None:
    for number in range(3):
        park(company, number)
    at = at_desk.open(_webhooks)
    button = next(each for each in at.button if each.label == "Retry chosen")
    at = button.click().run()
    assert "Tick the events first." in visible(at)
    at.checkbox(key="chosen_evt_parked_1").check()
    next(each for each in at.button if each.label == "Retry chosen").click().run()
    assert [command.event_ids for command in asked] == [("evt_parked_1",)]
    assert at.query_params["work"] == "7"
    assert not at.checkbox(key="chosen_evt_parked_1").value


def test_an_event_is_ignored_only_with_a_reason(
    at_desk: Desk, company: Company, asked: list[Any]
) -> None:
    park(company)
    at = at_desk.open(_webhooks)
    at.checkbox(key="chosen_evt_parked_1").check()
    at = next(each for each in at.button if each.label == "Ignore chosen").click().run()
    assert "Say why first" in visible(at)
    assert asked == []
    at.text_input(key="ignore_reason").set_value("A test clock's")
    next(each for each in at.button if each.label == "Ignore chosen").click().run()
    assert [(each.kind, each.reason) for each in asked] == [("ignore", "A test clock's")]


def test_what_the_listener_refuses_is_a_sentence(
    at_desk: Desk, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> EventsRecorded:
        raise BillingError(BillingErrorCode.NOT_RECORDED, "The listener cannot be reached.")

    monkeypatch.setattr(commands, "ask_about_events", refuse)
    park(company)
    at = at_desk.open(_webhooks)
    at = at.button(key="retry_all").click().run()
    assert not at.exception
    assert "The listener cannot be reached." in visible(at)


def test_many_parked_events_are_paged(at_desk: Desk, company: Company) -> None:
    for number in range(23):
        park(company, number)
    at = at_desk.open(_webhooks)
    assert "23 parked events" in visible(at)
    assert len(at.checkbox) == 20
    at = at.button(key="next_page").click().run()
    assert len(at.checkbox) == 3


@pytest.mark.parametrize(
    ("ended", "detail", "says"),
    [
        ("done", "2 applied", "Tried again: 2 applied."),
        ("interrupted", "1 applied", "The listener was stopped before all were applied"),
        ("failed", "The database did not take it; ask again.", "This could not be done."),
        (None, None, "Applying again…"),
    ],
)
def test_what_was_asked_for_is_followed_to_its_end(
    at_desk: Desk, company: Company, ended: str | None, detail: str | None, says: str
) -> None:
    entry = {"actor": "jane", "role": "ops", "action": "events.replay", "previous_hash": "0"}
    event_id = park(company)
    company.add(
        "audit_log", audit_id=7, at=company.now, outcome="begun", detail=event_id, hash="1", **entry
    )
    if ended is not None:
        company.add(
            "audit_log",
            audit_id=8,
            at=company.now,
            outcome=ended,
            detail=detail,
            follows=7,
            hash="2",
            **entry,
        )
    at = at_desk.open(_webhooks, work="7")
    assert not at.exception
    assert says in visible(at)


@pytest.mark.parametrize("work", ["x", "0", "99999999999999", "-1"])
def test_a_senseless_address_is_no_error(at_desk: Desk, company: Company, work: str) -> None:
    park(company)
    at = at_desk.open(_webhooks, work=work, view="q", days="x", after="e30", event="evt_nowhere")
    assert not at.exception
    assert "No such event is stored." in visible(at)


def test_any_event_is_looked_up_with_its_payload_and_replayed(
    at_desk: Desk, company: Company, asked: list[Any]
) -> None:
    company.subscribe("org_acme", name=HOSTILE)
    at = at_desk.open(_webhooks, event="evt_000001")
    seen = visible(at)
    assert "customer.created" in seen
    assert "Applied" in seen
    at = at.toggle(key="raw_payload").set_value(True).run()
    assert '"type": "customer.created"' in at.code[0].value
    at.button(key="replay_one").click().run()
    assert [each.event_ids for each in asked] == [("evt_000001",)]


def test_charts_are_told_in_words_too(at_desk: Desk, company: Company) -> None:
    company.now -= timedelta(hours=5)
    for number in range(12):
        company.subscribe(f"org_{number}")
    at = at_desk.open(_webhooks, view="time", days="7")
    seen = visible(at)
    assert "24 events: half within" in seen
    assert "24 events: 24 applied." in seen
    assert "As a table: the newest hour with events" in seen
    charts = [json.loads(each.proto.spec) for each in at.get("vega_lite_chart")]
    assert len(charts) == 3
    assert all(chart["description"] for chart in charts)


def test_what_was_missed_is_told_with_when_it_is_looked_for_next(
    at_desk: Desk, company: Company
) -> None:
    company.subscribe("org_acme")
    ran_at = company.now - timedelta(minutes=4)
    run = {
        "ran_at": ran_at.isoformat(),
        "since": (ran_at - timedelta(hours=1)).isoformat(),
        "looked_at": 40,
        "missing": 12,
        "events": ["evt_000002"],
        "error": None,
    }
    failed = {**run, "missing": 0, "events": [], "error": "Stripe cannot be reached."}
    keep(company, "schedule", {"reconcile_seconds": 600})
    keep(
        company,
        "reconcile",
        {
            "ran_at": run["ran_at"],
            "done_at": run["ran_at"],
            "missing_ever": 30,
            "runs": [run, failed],
        },
    )
    company.add(
        "drift",
        found_at=company.now,
        subscription_id="sub_acme",
        field="status",
        ours="past_due",
        stripes="active",
        event_id="evt_000002",
    )
    seen = visible(at_desk.open(_webhooks, view="missed"))
    assert re.search(r"Next\s*In 5 minutes", seen)
    assert "Stripe cannot be reached." in seen
    assert "and 11 more" in seen
    assert "12 events of the last day came by reconcile alone" in seen
    assert "1 field stood otherwise at Stripe in the last day" in seen
    assert "past_due" in seen


def test_the_endpoint_is_shown_or_quietly_not_known(at_desk: Desk, company: Company) -> None:
    company.subscribe("org_acme")
    assert "has not been looked up yet" in visible(at_desk.open(_webhooks, view="endpoint"))
    looked = {"looked_at": company.now.isoformat(), "wanted": "https://x.example/webhooks/stripe"}
    keep(company, "endpoint", {**looked, "refused": "permission_denied"})
    seen = visible(at_desk.open(_webhooks, view="endpoint"))
    assert "may not read webhook endpoints" in seen
    assert "Stripe has disabled" not in seen
    assert "2026-10-28.endive" in seen


def test_a_disabled_endpoint_is_the_first_thing_said(at_desk: Desk, company: Company) -> None:
    company.subscribe("org_acme")
    park(company)
    disabled = {
        "endpoint_id": "we_1",
        "url": "https://x.example/webhooks/stripe",
        "status": "disabled",
        "api_version": None,
        "missing": ["customer.deleted"],
    }
    looked = {"looked_at": company.now.isoformat(), "wanted": disabled["url"]}
    keep(company, "endpoint", {**looked, "endpoints": [disabled]})
    seen = visible(at_desk.open(_webhooks, view="endpoint"))
    first = seen.split("What Stripe has sent, and what became of it, as of ")[1].split("\n", 1)[1]
    assert first.startswith("Stripe has disabled the webhook endpoint")
    assert "leaves out events that are needed: customer.deleted" in seen


def test_an_alert_says_since_when_and_who_was_told(at_desk: Desk, company: Company) -> None:
    since = company.now.isoformat()
    on = {
        "since": since,
        "title": "Parked",
        "sentence": "1 event waits for an operator.",
        "over_at": None,
        "channels": {"webhook": {"told_at": since, "tries": 0}, "email": {"tries": 2}},
    }
    assert "Nobody is told" in visible(at_desk.open(_webhooks, view="endpoint"))
    keep(company, "alerts", {"on": {"parked": on}})
    keep(company, "alert_targets", {"targets": ["email", "webhook"]})
    seen = visible(at_desk.open(_webhooks, view="endpoint"))
    assert "Sent to: email and webhook" in seen
    assert "Tried again: email" in seen


@pytest.fixture(scope="module")
def ops_desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("an ops desk"), **stack.variables) as console:
        yield console


def test_an_event_is_found_by_a_whole_line_of_a_log(company: Company, at_desk: Desk) -> None:
    park(company)
    at = at_desk.open(_webhooks)
    line = f'{{"event_id":"evt_parked_1","event":"event.failed","cause":"{"x" * 300}"}}'
    at = at.text_input(key="event").set_value(line).run()
    assert at.text_input(key="event").value == "evt_parked_1"
    assert "Replay this event" in visible(at)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_parked_event_is_retried_and_then_ignored_in_a_browser(
    browser: Browser,
    ops_desk: Console,
    stack: Stack,
    width: int,
    scheme: str,
) -> None:
    """With a real listener: the retry's end lands by itself, and the ignored event leaves the list."""
    sent = event("customer.subscription.updated", {"id": unique("sub"), "status": ["odd"]})
    assert stack.listener.post(sent).status_code == 200
    stack.settle()
    with window(browser, width, scheme) as staff:
        page = staff.new_page()
        sign_in(page, f"{ops_desk.url}/webhooks", "ops")
        expect(fresh(page.get_by_text("1 parked event")).first).to_be_visible()
        page.locator(".st-key-bc_parked_1 label").click()
        fresh(page.get_by_role("button", name="Retry chosen")).click()
        expect(fresh(page.get_by_text("Tried again: 1 parked."))).to_be_visible()
        expect(page).to_have_url(re.compile("work="))
        idle(page)
        page.locator(".st-key-bc_parked_1 label").click()
        fresh(page.get_by_label("Reason for ignoring")).fill("Seen, not ours")
        fresh(page.get_by_role("button", name="Ignore chosen")).click()
        expect(fresh(page.get_by_text("Ignored. The reason is kept"))).to_be_visible()
        expect(fresh(page.get_by_text("No event is parked."))).to_be_visible()
        page.get_by_role("radio", name="Over time").or_(
            page.get_by_role("button", name="Over time")
        ).first.click()
        expect(page.locator("[data-testid='stVegaLiteChart']").first).to_be_visible()
        idle(page)
        overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert page.evaluate(overflow) is False
    last = [line for line in stack.audit() if line[1] == "events.ignore"][-1]
    assert last == ("ops", "events.ignore", "ignored", None, None, "Seen, not ours", sent["id"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_which_view_and_filter_is_chosen_can_be_read(
    browser: Browser, ops_desk: Console, scheme: str
) -> None:
    with window(browser, scheme=scheme) as staff:
        page = staff.new_page()
        sign_in(page, f"{ops_desk.url}/webhooks", "ops")
        for path, name in (("/webhooks", "Waiting"), ("/organizations", "All")):
            page.goto(f"{ops_desk.url}{path}")
            chosen = page.locator(".stButtonGroup [data-selected=true]").first
            expect(chosen).to_have_text(name)
            idle(page)
            found = Axe().run(
                page,
                context={"include": [["[data-selected=true]"]]},
                options={"runOnly": ["color-contrast"]},
            )
            assert found.violations_count == 0, found.generate_report()
            assert found.response["passes"]


def test_a_button_beside_the_views_stands_at_their_height(
    browser: Browser, ops_desk: Console
) -> None:
    with window(browser, 1440) as staff:
        page = staff.new_page()
        sign_in(page, f"{ops_desk.url}/webhooks", "ops")
        middles = [
            page.locator(selector).first.evaluate(
                "each => (box => box.top + box.height / 2)(each.getBoundingClientRect())"
            )
            for selector in (".stButtonGroup button", ".st-key-refresh button")
        ]
        assert abs(middles[0] - middles[1]) < 1
