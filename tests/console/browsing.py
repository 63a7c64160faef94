"""What people do in a browser with the console, and how to wait for what it answers.

Streamlit draws a page anew in place, piece by piece: until a run is over, what an earlier one drew
stands beside it, and the same words may stand there twice. ``fresh`` is what to look at and click.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.console.serving import PASSWORD


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
    for _ in range(300):
        if page.evaluate("window.billingConsole === true"):
            return
        page.wait_for_timeout(100)
    pytest.fail("the console's script did not arrive")


def idle(page: Page) -> None:
    """Wait until a page that was just opened is drawn to its end.

    After a click wait for what comes of it: the run that follows may not have begun.
    """
    page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']")
    page.wait_for_selector("[data-testid='stMain'] .stElementContainer", state="attached")
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']")
    page.wait_for_selector("[data-stale=true]", state="detached")


def fresh(found: Locator) -> Locator:
    """Of what was found, what the console's latest run has drawn."""
    return found.and_(found.page.locator(":not([data-stale='true'] *)"))


def create_link(page: Page, destination: str, reason: str) -> str:
    """Make a link on an organization's page and read it."""
    # In this order each click leaves nothing half typed behind when the page is drawn anew.
    fresh(page.get_by_label("Reason or ticket number")).fill(reason)
    fresh(page.get_by_text(destination, exact=True)).click()
    fresh(page.get_by_role("button", name="Create link")).click()
    expect(fresh(page.get_by_text("Waiting for the customer"))).to_be_visible()
    return minted_url(page)


def minted_url(page: Page) -> str:
    """The link that was just made, once it is shown."""
    shown = page.locator(".st-key-minted_url code")
    expect(shown).to_have_text(re.compile("^http"))
    return shown.inner_text().strip()


def copied(page: Page) -> str:
    """What the clipboard holds, once the page has said that something was copied."""
    expect(page.get_by_text("Copied to the clipboard.")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text
