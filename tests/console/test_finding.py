"""Finding an organization and going on from there, in a real browser, with few interactions."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.browsing import copied, fresh, idle, minted_url, scripted, sign_in, window
from tests.console.serving import Console, running_console
from tests.console.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on the stack."""
    with running_console(tmp_path_factory.mktemp("a finding desk"), **stack.variables) as console:
        yield console


class Hand:
    """Somebody's hand, which counts what it does: a click, or a field filled in and entered."""

    def __init__(self) -> None:
        self.count = 0

    def does(self, interaction: Callable[[], object]) -> None:
        interaction()
        self.count += 1


def typed(page: Page, label: str, text: str) -> None:
    field = fresh(page.get_by_label(label, exact=True))
    field.fill(text)
    field.press("Enter")


def press_slash(page: Page) -> None:
    """As somebody would who sees the field that it leads to."""
    scripted(page)
    idle(page)
    expect(page.locator(".st-key-q input, .st-key-find input").first).to_be_visible()
    page.keyboard.press("/")


def test_what_is_typed_while_the_list_follows_is_kept(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations", "support")
        field = fresh(page.get_by_label("Search", exact=True))
        for text, pause in (("acme robotics", 90), ("blue harbor", 330)):
            field.fill("")
            field.press_sequentially(text, delay=pause)
            idle(page)
            expect(field).to_have_value(text)


def test_a_cancel_link_is_at_most_five_interactions_from_the_sign_in(
    browser: Browser, desk: Console
) -> None:
    """By a fragment of the name; the link is on the clipboard, ready to be sent."""
    with window(browser) as staff:
        page, hand = staff.new_page(), Hand()
        sign_in(page, desk.url, "support")
        hand.does(lambda: typed(page, "Find an organization", "harbor"))
        expect(fresh(page.get_by_role("heading", name="Blue Harbor"))).to_be_visible()
        expect(page).to_have_url(f"{desk.url}/organization?org=org_blue")
        hand.does(fresh(page.get_by_text("Cancel subscription", exact=True)).click)
        idle(page)
        hand.does(lambda: typed(page, "Reason or ticket number", "T-5"))
        copy = fresh(page.get_by_role("button", name="Copy link"))
        expect(copy).to_be_visible()
        hand.does(copy.click)
        link = copied(page)
        assert link == minted_url(page)
        assert re.match(r"http://127\.0\.0\.1:\d+/", link)
        assert hand.count <= 5


def test_what_several_match_leads_to_the_list_of_them(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, desk.url, "ops")
        press_slash(page)
        expect(fresh(page.get_by_label("Find an organization", exact=True))).to_be_focused()
        typed(page, "Find an organization", "example")
        expect(fresh(page.get_by_text("4 organizations", exact=True))).to_be_visible()
        expect(page).to_have_url(f"{desk.url}/organizations?q=example")


def test_of_a_whole_message_the_address_in_it_is_looked_for_and_that_is_said(
    browser: Browser, desk: Console
) -> None:
    message = "We cannot cancel our plan any more. " * 8 + "Jane Roe <billing@org_blue.example>"
    said = "More than 200 characters were pasted, so only this was looked for: "
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, desk.url, "support")
        typed(page, "Find an organization", message)
        expect(fresh(page.get_by_text(f"{said}billing@org_blue.example"))).to_be_visible()
        expect(fresh(page.get_by_role("link", name="Blue Harbor"))).to_be_visible()
        expect(page).to_have_url(f"{desk.url}/organizations?q=billing%40org_blue.example")
        search = fresh(page.get_by_label("Search", exact=True))
        search.fill("Acme " * 50)
        expect(fresh(page.get_by_text(f"{said}Acme Acme"))).to_be_visible()
        expect(fresh(page.get_by_text("Nothing matches."))).to_be_visible()
        search.fill("acme ")  # as somebody has it who goes on typing
        expect(fresh(page.get_by_role("link", name="Acme Robotics"))).to_be_visible()
        expect(page.get_by_text(said)).to_have_count(0)
        expect(search).to_have_value("acme ")


def test_the_list_is_walked_by_keyboard_and_going_back_keeps_what_it_was_narrowed_to(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations?q=org_b&status=active&order=name", "support")
        expect(fresh(page.get_by_text("1 organization", exact=True))).to_be_visible()
        press_slash(page)
        expect(fresh(page.get_by_label("Search", exact=True))).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(fresh(page.get_by_role("link", name="Blue Harbor"))).to_be_focused()
        page.keyboard.press("Enter")
        expect(fresh(page.get_by_role("heading", name="Blue Harbor"))).to_be_visible()
        page.go_back()
        expect(fresh(page.get_by_text("1 organization", exact=True))).to_be_visible()
        expect(fresh(page.get_by_label("Search", exact=True))).to_have_value("org_b")
        assert "status=active" in page.url
        fresh(page.get_by_role("button", name="Clear filters")).click()
        expect(page.get_by_role("button", name="Clear filters")).to_have_count(0)
        expect(page).to_have_url(f"{desk.url}/organizations?order=name")


def test_a_click_anywhere_on_a_row_opens_the_organization(browser: Browser, desk: Console) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organizations?q=acme", "support")
        fresh(page.get_by_role("cell")).filter(has_text="a month").click()
        expect(fresh(page.get_by_role("heading", name="Acme Robotics"))).to_be_visible()


def test_the_past_a_payload_and_a_ticket_are_each_one_click_away(
    browser: Browser, desk: Console
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_acme", "ops")
        fresh(page.get_by_role("button", name="Copy as text")).click()
        assert "Acme Robotics (org_acme)" in copied(page)
        entry = fresh(page.locator(".bc-entry")).last
        entry.get_by_text("Details", exact=True).click()
        entry.get_by_role("link", name="Raw payload").click()
        expect(page.get_by_role("dialog").get_by_text("As stored:")).to_be_visible()
        expect(page).to_have_url(re.compile("payload=evt_"))
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page).to_have_url(f"{desk.url}/organization?org=org_acme")
        idle(page)
        if not entry.get_by_role("link", name="The state then").is_visible():
            entry.get_by_text("Details", exact=True).click()
        entry.get_by_role("link", name="The state then").click()
        expect(fresh(page.get_by_text("Not the present."))).to_be_visible()
        fresh(page.get_by_role("link", name="Back to now")).click()
        expect(page.get_by_text("Not the present.")).to_have_count(0)


def test_a_button_of_our_own_is_as_large_as_the_one_beside_it(
    browser: Browser, desk: Console
) -> None:
    measure = """each => {
        const label = getComputedStyle(each.querySelector("p") ?? each);
        return [label.fontSize, label.fontWeight, each.getBoundingClientRect().height];
    }"""
    with window(browser) as staff:
        page = staff.new_page()
        sign_in(page, f"{desk.url}/organization?org=org_acme", "support")
        ours = fresh(page.get_by_role("button", name="Copy as text"))
        theirs = fresh(page.get_by_role("button", name="As of…"))
        assert ours.evaluate(measure) == theirs.evaluate(measure)
