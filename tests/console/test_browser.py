"""The console in a real browser, with a real listener and a stand-in Stripe behind it."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.console.browsing import copied, create_link, fresh, idle, sign_in, window
from tests.console.serving import Console, running_console
from tests.console.stack import HOSTILE, Stack
from tests.support.forked import installed


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on the stack."""
    with running_console(tmp_path_factory.mktemp("a desk"), **stack.variables) as console:
        yield console


def test_a_customer_is_found_sent_to_cancel_and_seen_to_have_canceled_without_a_reload(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    """From sign-in to a link takes five interactions; the change lands by itself."""
    with window(browser) as staff, window(browser) as customer:
        page, visitor = staff.new_page(), customer.new_page()
        sign_in(page, f"{desk.url}/organizations", "support")
        fresh(page.get_by_label("Search")).fill("robotics")
        expect(fresh(page.get_by_text("1 organization", exact=True))).to_be_visible()
        fresh(page.get_by_role("link", name="Acme Robotics")).click()
        expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
        page.evaluate("window.neverReloaded = true")
        visitor.goto(create_link(page, "Cancel subscription", "T-100"))
        visitor.get_by_role("button", name="Cancel plan").click()
        expect(fresh(page.get_by_text("It has landed."))).to_be_visible()
        expect(page.get_by_text(re.compile("^Winding down: ends on ")).first).to_be_visible()
        expect(page.locator(".st-key-minted_url")).to_have_count(0)
        fresh(page.get_by_role("button", name="Make another link")).click()
        expect(fresh(page.get_by_text("send them to Billing home to undo it"))).to_be_visible()
        visitor.goto(create_link(page, "Billing home", "T-101"))
        visitor.get_by_role("button", name="Don't cancel plan").click()
        expect(fresh(page.get_by_text("No longer winding down"))).to_be_visible()
        expect(page.get_by_text(re.compile("^Winding down: ends on "))).to_have_count(0)
        expect(page.get_by_text("jane")).to_have_count(0)
        expect(
            fresh(page.get_by_text("support made a “Cancel subscription” link (T-100)."))
        ).to_be_visible()
        assert page.evaluate("window.neverReloaded") is True


def test_a_link_is_shown_once_and_gone_when_its_page_was_left(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "admin")
        link = create_link(page, "Billing home", "T-200")
        fresh(page.get_by_role("button", name="Copy link")).click()
        assert copied(page) == link
        page.get_by_role("link", name="Organizations").click()
        expect(fresh(page.get_by_label("Search"))).to_be_visible()
        page.go_back()
        expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
        expect(page).to_have_url(f"{desk.url}/organization?org=org_blue")
        assert link not in page.content()
        log = desk.log.read_text(encoding="utf-8")
        assert link.rsplit("/", 1)[1] not in log


def test_a_support_link_that_was_used_is_not_offered_for_sending_any_more(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_hostile", "support")
        fresh(page.get_by_text("Update payment method", exact=True)).click()
        idle(page)
        fresh(page.get_by_role("combobox", name="Kind of link")).click()
        page.get_by_role("option", name="Support link, 72 hours").click()
        idle(page)
        fresh(page.get_by_label("Reason or ticket number")).fill("T-300")
        fresh(page.get_by_role("button", name="Create link")).click()
        expect(page.locator(".st-key-sent_url")).to_be_visible()
        with closing(sqlite3.connect(stack.database_url.removeprefix("sqlite:///"))) as rows, rows:
            rows.execute("UPDATE portal_links SET uses = 1 WHERE reason = 'T-300'")
        expect(fresh(page.get_by_text("The customer has used this link"))).to_be_visible()
        expect(page.locator(".st-key-sent_url")).to_have_count(0)


def test_a_double_click_makes_one_link(browser: Browser, desk: Console, stack: Stack) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "support")
        for number, hesitating in enumerate((0, 70, 140)):  # milliseconds between the presses
            fresh(page.get_by_label("Reason or ticket number")).fill(f"T-25{number}")
            fresh(page.get_by_text("Billing home", exact=True)).click()
            idle(page)
            fresh(page.get_by_role("button", name="Create link")).dblclick(delay=hesitating)
            expect(fresh(page.get_by_text("Waiting for the customer"))).to_be_visible()
            fresh(page.get_by_role("button", name="Make another link")).click()
            expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
            idle(page)
        begun = [row for row in stack.audit() if str(row[5]).startswith("T-25")]
        assert len(begun) == 3


def test_another_link_for_the_same_reason_is_another_link_however_soon_it_is_asked_for(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "support")
        first = create_link(page, "Billing home", "T-260")
        fresh(page.get_by_role("button", name="Make another link")).click()
        expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
        idle(page)
        assert create_link(page, "Billing home", "T-260") != first


def test_a_pages_own_address_on_a_cold_server_shows_the_sign_in_and_leads_there(
    browser: Browser, stack: Stack, tmp_path: Path
) -> None:
    with (
        installed(),
        running_console(tmp_path, **stack.variables) as cold,
        window(browser) as staff,
    ):
        page = staff.new_page()
        page.goto(f"{cold.url}/winding-down")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert page.get_by_text("Winding down").count() == 0
        sign_in(page, f"{cold.url}/winding-down", "finance")
        expect(fresh(page.get_by_role("heading", name="Winding down"))).to_be_visible()
        expect(page.get_by_text("Page not found")).to_have_count(0)
        expect(page).to_have_url(f"{cold.url}/winding-down")
        page.reload()
        expect(fresh(page.get_by_role("heading", name="Winding down"))).to_be_visible()


def test_signing_out_in_one_tab_ends_the_other_at_its_next_click(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        first, second = staff.new_page(), staff.new_page()
        sign_in(first, desk.url, "ops")
        second.goto(f"{desk.url}/webhooks")
        expect(fresh(second.get_by_role("heading", name="Webhooks"))).to_be_visible()
        fresh(first.get_by_role("button", name="Sign out")).click()
        expect(fresh(first.get_by_role("heading", name="You have been signed out"))).to_be_visible()
        fresh(second.get_by_role("button", name="Refresh")).click()
        expect(
            fresh(second.get_by_role("heading", name="You have been signed out"))
        ).to_be_visible()
        expect(second.get_by_text("Parked")).to_have_count(0)
        fresh(second.get_by_role("link", name="Sign in again")).click()
        expect(second).to_have_url(f"{desk.url}/signin?next=%2Fwebhooks")


def test_a_removed_user_is_out_at_the_next_click(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations", "finance")
        before = desk.users.read_text(encoding="utf-8")
        document = yaml.safe_load(before)
        del document["credentials"]["usernames"]["finance"]
        desk.users.write_text(yaml.safe_dump(document), encoding="utf-8")
        page.get_by_role("link", name="Winding down").click()
        expect(fresh(page.get_by_role("heading", name="You have been signed out"))).to_be_visible()
        expect(page.get_by_text("Nobody is set to leave.")).to_have_count(0)
        desk.users.write_text(before, encoding="utf-8")


def test_a_role_that_changed_counts_at_the_next_click(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "support")
        expect(fresh(page.get_by_text("Send the customer to"))).to_be_visible()
        before = desk.users.read_text(encoding="utf-8")
        document = yaml.safe_load(before)
        document["credentials"]["usernames"]["support"]["roles"] = ["ops"]
        desk.users.write_text(yaml.safe_dump(document), encoding="utf-8")
        fresh(page.get_by_text("Billing home", exact=True)).click()
        expect(page.get_by_text("Send the customer to")).to_have_count(0)
        expect(page.get_by_role("link", name="Webhooks")).to_be_visible()
        desk.users.write_text(before, encoding="utf-8")


def test_a_hostile_name_stands_there_literally_even_in_the_tab(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations?q=bold", "support")
        fresh(page.get_by_role("link", name=HOSTILE, exact=True)).click()
        expect(fresh(page.get_by_role("heading", name=HOSTILE, exact=True))).to_be_visible()
        expect(page).to_have_title(HOSTILE)
        assert page.locator("h1 strong, h1 a, h1 script").count() == 0


def test_a_page_that_is_not_for_the_role_is_absent_and_refused(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/audit", "support")
        expect(fresh(page.get_by_role("heading", name="Not for your role"))).to_be_visible()
        expect(page.get_by_role("link", name="Organizations")).to_be_visible()
        expect(page.get_by_role("link", name="Audit log")).to_have_count(0)


def test_no_page_is_wider_than_a_phone(browser: Browser, desk: Console) -> None:
    addresses = {
        "/": "Overview",
        "/organizations": "Organizations",
        "/organization?org=org_hostile": HOSTILE,
        "/winding-down": "Winding down",
        "/webhooks": "Webhooks",
        "/audit": "Audit log",
    }
    with window(browser, width=390, scheme="dark") as staff:
        page = staff.new_page()
        sign_in(page, desk.url, "admin")
        for address, heading in addresses.items():
            page.goto(f"{desk.url}{address}")
            expect(fresh(page.get_by_role("heading", name=heading, level=1))).to_be_visible()
            idle(page)
            main = "document.querySelector('[data-testid=stMain]')"
            wide = page.evaluate(f"{main}.scrollWidth - {main}.clientWidth")
            assert wide <= 0, address
