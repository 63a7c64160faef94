"""The console in a real browser, with a real listener and a stand-in Stripe behind it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.console.serving import PASSWORD, Console, running_console
from tests.console.stack import HOSTILE, Stack
from tests.support.forked import installed

pytestmark = pytest.mark.xdist_group("console-stack")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on the stack."""
    with running_console(tmp_path_factory.mktemp("a desk"), **stack.variables) as console:
        yield console


@contextmanager
def window(browser: Browser, width: int = 1280, scheme: str = "light") -> Iterator[BrowserContext]:
    """A browser window of one person, in which nothing may be fetched from elsewhere."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
        timezone_id="UTC",
        permissions=["clipboard-read", "clipboard-write"],
    )
    elsewhere: list[str] = []
    context.on(
        "request",
        lambda request: (
            None
            if re.match(r"(https?|wss?)://127\.0\.0\.1:|data:|blob:", request.url)
            else elsewhere.append(request.url)
        ),
    )
    refused: list[str] = []
    context.on(
        "console",
        lambda message: (
            refused.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    context.on("dialog", lambda dialog: elsewhere.append(dialog.message))
    yield context
    context.close()
    assert elsewhere == []
    assert refused == []


def sign_in(page: Page, address: str, username: str) -> None:
    """Open an address as somebody who has not signed in yet."""
    page.goto(address)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    idle(page)
    scripted(page)


def scripted(page: Page) -> None:
    """Wait until the console's own script has arrived: copying and the keys need it."""
    for _ in range(100):
        if page.evaluate("window.billingConsole === true"):
            return
        page.wait_for_timeout(100)
    pytest.fail("the console's script did not arrive")


def idle(page: Page) -> None:
    """Wait until the console has answered; a page that was just opened has run nothing yet."""
    page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']")
    page.wait_for_selector("[data-testid='stMain'] .stElementContainer", state="attached")
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']")
    page.wait_for_selector("[data-stale=true]", state="detached")


def click_button(page: Page, name: str) -> None:
    """Click the one button of that name, once a page that looks again by itself shows only one."""
    button = page.get_by_role("button", name=name)
    expect(button).to_have_count(1)
    button.click()


def create_link(page: Page, destination: str, reason: str) -> str:
    """Make a link on an organization's page and read it."""
    page.get_by_text(destination, exact=True).click()
    page.get_by_label("Reason or ticket number").fill(reason)
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_text("Waiting for the customer")).to_be_visible(timeout=20_000)
    return page.locator(".st-key-minted_url code").inner_text().strip()


def test_a_customer_is_found_sent_to_cancel_and_seen_to_have_canceled_without_a_reload(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    """From sign-in to a link takes five interactions; the change lands by itself."""
    with window(browser) as staff, window(browser) as customer:
        page, visitor = staff.new_page(), customer.new_page()
        sign_in(page, f"{desk.url}/organizations", "support")
        page.get_by_label("Search").fill("robotics")
        expect(page.get_by_text("1 organization", exact=True)).to_be_visible()
        page.get_by_role("link", name="Acme Robotics").click()
        expect(page.get_by_text("Send the customer to")).to_be_visible()
        page.evaluate("window.neverReloaded = true")
        visitor.goto(create_link(page, "Cancel subscription", "T-100"))
        visitor.get_by_role("button", name="Cancel plan").click()
        expect(page.get_by_text("It has landed.")).to_be_visible(timeout=20_000)
        expect(page.get_by_text(re.compile("^Winding down: ends on ")).first).to_be_visible()
        expect(page.locator(".st-key-minted_url")).to_have_count(0)
        click_button(page, "Make another link")
        expect(page.get_by_text("send them to Billing home to undo it")).to_be_visible()
        visitor.goto(create_link(page, "Billing home", "T-101"))
        visitor.get_by_role("button", name="Don't cancel plan").click()
        if visitor.get_by_role("button", name="Don't cancel plan").is_visible():
            visitor.get_by_role("button", name="Don't cancel plan").click()
        expect(page.get_by_text("No longer winding down")).to_be_visible(timeout=20_000)
        expect(page.get_by_text(re.compile("^Winding down: ends on "))).to_have_count(0)
        expect(page.get_by_text("jane")).to_have_count(0)
        expect(
            page.get_by_text("support made a “Cancel subscription” link (T-100).")
        ).to_be_visible()
        assert page.evaluate("window.neverReloaded") is True


def test_a_link_is_shown_once_and_gone_when_its_page_was_left(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "admin")
        link = create_link(page, "Billing home", "T-200")
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_text("Copied to the clipboard.")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == link
        page.get_by_role("link", name="Organizations").click()
        expect(page.get_by_label("Search")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Send the customer to")).to_be_visible()
        assert page.url.endswith("/organization?org=org_blue")
        assert link not in page.content()
        log = desk.log.read_text(encoding="utf-8")
        assert link.rsplit("/", 1)[1] not in log


def test_a_double_click_makes_one_link(browser: Browser, desk: Console, stack: Stack) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "support")
        for number in range(3):
            page.get_by_text("Billing home", exact=True).click()
            page.get_by_label("Reason or ticket number").fill(f"T-25{number}")
            idle(page)
            page.get_by_role("button", name="Create link").dblclick()
            expect(page.get_by_text("Waiting for the customer")).to_be_visible(timeout=20_000)
            click_button(page, "Make another link")
            expect(page.get_by_text("Send the customer to")).to_be_visible()
            idle(page)
        begun = [row for row in stack.audit() if str(row[5]).startswith("T-25")]
        assert len(begun) == 3


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
        expect(page.get_by_role("heading", name="Winding down")).to_be_visible()
        expect(page.get_by_text("Page not found")).to_have_count(0)
        assert page.url == f"{cold.url}/winding-down"
        page.reload()
        expect(page.get_by_role("heading", name="Winding down")).to_be_visible()


def test_signing_out_in_one_tab_ends_the_other_at_its_next_click(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        first, second = staff.new_page(), staff.new_page()
        sign_in(first, desk.url, "ops")
        second.goto(f"{desk.url}/webhooks")
        expect(second.get_by_role("heading", name="Webhooks")).to_be_visible()
        first.get_by_role("button", name="Sign out").click()
        expect(first.get_by_role("heading", name="You have been signed out")).to_be_visible()
        second.get_by_role("button", name="Refresh").click()
        expect(second.get_by_role("heading", name="You have been signed out")).to_be_visible()
        expect(second.get_by_text("Parked")).to_have_count(0)
        second.get_by_role("link", name="Sign in again").click()
        assert second.url == f"{desk.url}/signin?next=%2Fwebhooks"


def test_a_removed_user_is_out_at_the_next_click(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations", "finance")
        before = desk.users.read_text(encoding="utf-8")
        document = yaml.safe_load(before)
        del document["credentials"]["usernames"]["finance"]
        desk.users.write_text(yaml.safe_dump(document), encoding="utf-8")
        page.get_by_role("link", name="Winding down").click()
        expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
        expect(page.get_by_text("Nobody is set to leave.")).to_have_count(0)
        desk.users.write_text(before, encoding="utf-8")


def test_a_role_that_changed_counts_at_the_next_click(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_blue", "support")
        expect(page.get_by_text("Send the customer to")).to_be_visible()
        before = desk.users.read_text(encoding="utf-8")
        document = yaml.safe_load(before)
        document["credentials"]["usernames"]["support"]["roles"] = ["ops"]
        desk.users.write_text(yaml.safe_dump(document), encoding="utf-8")
        page.get_by_text("Billing home", exact=True).click()
        expect(page.get_by_text("Send the customer to")).to_have_count(0)
        expect(page.get_by_role("link", name="Webhooks")).to_be_visible()
        desk.users.write_text(before, encoding="utf-8")


def test_a_hostile_name_stands_there_literally_even_in_the_tab(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations?q=bold", "support")
        page.get_by_role("link", name=HOSTILE, exact=True).click()
        expect(page.get_by_role("heading", name=HOSTILE, exact=True)).to_be_visible()
        assert page.title() == HOSTILE
        assert page.locator("h1 strong, h1 a, h1 script").count() == 0


def test_a_page_that_is_not_for_the_role_is_absent_and_refused(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/audit", "support")
        expect(page.get_by_role("heading", name="Not for your role")).to_be_visible()
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
            expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
            idle(page)
            main = "document.querySelector('[data-testid=stMain]')"
            wide = page.evaluate(f"{main}.scrollWidth - {main}.clientWidth")
            assert wide <= 0, address
