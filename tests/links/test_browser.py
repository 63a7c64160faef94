"""The public pages in a real browser, mostly on a phone: for everybody, in light and in dark."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.links import return_token
from tests.links.stage import Stage
from tests.sandbox.browser import Browser as Reader

PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, stages: Callable[[str, pytest.FixtureRequest], Stage]
) -> Stage:
    """One kind of database is enough to look at pages."""
    return stages("sqlite", request)


@contextmanager
def visiting(browser: Browser, *, script: bool = True) -> Iterator[Page]:
    """A window of one customer, in which nothing is fetched from elsewhere or forbidden."""
    context = browser.new_context(
        viewport={"width": PHONE, "height": 844},
        color_scheme="light",
        locale="en-GB",
        java_script_enabled=script,
    )
    elsewhere: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        if not re.match(r"http://127\.0\.0\.1:|data:", request.url):
            elsewhere.append(request.url)

    context.on("request", note)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    context.close()
    assert [url for url in elsewhere if not url.startswith("https://app.northwind")] == []
    assert [text for text in complaints if "Content Security Policy" in text] == []


def spent(stage: Stage, org_id: str, destination: str) -> tuple[str, str]:
    """A link that was redeemed, and the address to come back to."""
    url = stage.create(org_id, destination)["url"]
    assert Reader().open(url).press(destination).status == 200
    return url, f"{stage.url}/return/{return_token(url.rpartition('/')[2])}"


@pytest.fixture(scope="module")
def addresses(stage: Stage) -> dict[str, str]:
    """Each kind of public page."""
    org_id, _ = stage.subscriber(name="Münchner Wasserkraftwerksgesellschaft שלום <b>&amp;")
    leaver, _ = stage.subscriber()
    late = stage.create(leaver, CANCEL_SUBSCRIPTION)["url"]
    ending = Reader().open(stage.create(leaver, CANCEL_SUBSCRIPTION)["url"])
    ending.press(CANCEL_SUBSCRIPTION).press("Cancel plan").press("No thanks")
    stage.settle()
    used, waiting = spent(stage, org_id, UPDATE_PAYMENT_METHOD)
    revoked = stage.create(org_id, BILLING_HOME)
    stage.command({"kind": "revoke", "link_id": revoked["link_id"]})
    expired = stage.create(org_id, BILLING_HOME)
    stage.expire(expired["link_id"])
    confirm = stage.create(
        org_id, CHANGE_TO_A_GIVEN_PLAN, target_lookup_key="starter_monthly", sender_name="Ada"
    )
    return {
        "landing": stage.create(org_id, CANCEL_SUBSCRIPTION)["url"],
        "landing with a plan": confirm["url"],
        "changed meanwhile": late,
        "used up": used,
        "revoked": revoked["url"],
        "expired": expired["url"],
        "unknown": f"{stage.url}/links/nothing",
        "waiting": waiting,
        "unchanged": f"{waiting}?waited=60",
        "changed": ending.address,
    }


PAGES = [
    "landing",
    "landing with a plan",
    "changed meanwhile",
    "used up",
    "revoked",
    "expired",
    "unknown",
    "waiting",
    "unchanged",
    "changed",
]


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_each_page_on_a_phone_and_at_a_desk(
    browser: Browser, addresses: dict[str, str], name: str
) -> None:
    with visiting(browser) as page:
        page.goto(addresses[name])
        assert violations(page) == []
        heights = page.locator("button, a.button").evaluate_all(
            "all => all.map(each => each.getBoundingClientRect().height)"
        )
        assert all(height >= 44 for height in heights), "big enough for a thumb"
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast") == []
        page.set_viewport_size({"width": DESK, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= DESK


def violations(page: Page, *rules: str) -> list[tuple[str, str]]:
    """What axe-core objects to, by all of its rules or by some."""
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = Axe().run(page, options=options).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]


def test_from_the_message_to_the_end_of_the_plan_on_a_phone(browser: Browser, stage: Stage) -> None:
    """The page that the customer comes back to changes by itself once the webhook is in."""
    org_id, _ = stage.subscriber()
    with visiting(browser) as page:
        page.goto(stage.create(org_id, CANCEL_SUBSCRIPTION, sender_name="Ada")["url"])
        page.get_by_role("button", name="Cancel subscription").click()
        with stage.silence():
            page.get_by_role("button", name="Cancel plan").click()
            page.get_by_role("button", name="No thanks").click()
            page.wait_for_url(f"{stage.url}/return/*")
            expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
            expect(page.get_by_role("status")).to_contain_text("A moment, please")
        expect(page.get_by_role("status")).to_contain_text("Your plan ends on ")
        expect(page.get_by_role("status")).to_contain_text("You keep access until then.")
        page.get_by_role("link", name="Continue to Northwind Cloud").click(no_wait_after=True)


def test_without_a_change_the_page_says_so_by_itself(browser: Browser, stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    _, back = spent(stage, org_id, BILLING_HOME)
    with visiting(browser) as page:
        page.clock.install()
        page.goto(back)
        expect(page.get_by_role("status")).to_contain_text("A moment, please")
        page.clock.fast_forward(61_000)
        expect(page.get_by_role("status")).to_contain_text("Nothing has changed")


def test_without_script_everything_works_too(browser: Browser, stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    with visiting(browser, script=False) as page:
        page.goto(stage.create(org_id, CANCEL_SUBSCRIPTION)["url"])
        page.get_by_role("button", name="Cancel subscription").click()
        with stage.silence():
            page.get_by_role("button", name="Cancel plan").click()
            page.get_by_role("button", name="No thanks").click()
            expect(page.get_by_role("status")).to_contain_text("A moment, please")
        stage.settle()
        page.get_by_role("link", name="Look again").click()
        expect(page.get_by_role("status")).to_contain_text("Your plan ends on ")


def test_two_presses_in_a_hurry_use_the_link_once_and_arrive(
    browser: Browser, stage: Stage
) -> None:
    org_id, _ = stage.subscriber()
    with visiting(browser) as page:
        page.goto(stage.create(org_id, BILLING_HOME)["url"])
        page.get_by_role("button", name="Billing home").dblclick()
        page.wait_for_url(f"{stage.sandbox.url}/**")


def test_going_back_from_stripe_shows_that_the_link_is_used_and_leads_on(
    browser: Browser, stage: Stage
) -> None:
    org_id, _ = stage.subscriber()
    with visiting(browser) as page:
        page.goto(stage.create(org_id, BILLING_HOME)["url"])
        page.get_by_role("button", name="Billing home").click()
        page.wait_for_url(f"{stage.sandbox.url}/**")
        page.go_back()
        expect(page.get_by_role("heading", name="This link has been used")).to_be_visible()
        page.get_by_role("link", name="See what came of it").click()
        expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_stripe_is_not_told_the_address_of_the_link(browser: Browser, stage: Stage) -> None:
    """Neither by a referrer nor by an origin."""
    org_id, _ = stage.subscriber()
    with visiting(browser) as page:
        referrers: list[str | None] = []
        page.on("request", lambda request: referrers.append(request.headers.get("referer")))
        page.goto(stage.create(org_id, BILLING_HOME)["url"])
        page.get_by_role("button", name="Billing home").click()
        page.wait_for_url(f"{stage.sandbox.url}/**")
        assert page.evaluate("document.referrer") == ""
    assert not any(referrer and "/links/" in referrer for referrer in referrers)
