"""Every page of the menu in a real browser: with much, with nothing, with something away, by role.

A page that joins the navigation is tried here without a line being added. Each look is kept as a
picture under ``var/screenshots``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from billing_core.permissions import Role, may
from billing_core.settings import ROOT
from console.navigation import PAGES, Entry
from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings
from tests.console.browsing import fresh, idle, sign_in, window
from tests.console.serving import Console, running_console
from tests.console.stack import API_KEY, Stack
from tests.support.databases import fresh_sqlite
from tests.support.listener import Listener
from tests.support.stripe_events import WEBHOOK_SECRET

pytestmark = pytest.mark.timeout(300)
PICTURES = ROOT / "var" / "screenshots"
LONG_NAME, RIGHT_TO_LEFT = "Very long long", "מאפיית ירושלים"
WITHOUT_DATABASE = {"users"}  # the users are in a file of their own, and can be seen all the same
NOBODY_LISTENS = "http://127.0.0.1:9"
# Streamlit's own widgets have faults of their own; what we draw stands in these.
OURS = [["[class^='bc-']"]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sample company's two years, come in as webhooks."""
    folder = tmp_path_factory.mktemp("sample company")
    database_url = f"sqlite:///{folder / 'billing.sqlite3'}"
    listener = Listener(database_url, folder / "listener.log")
    settings = Settings(
        _env_file=None,
        state=folder / "sandbox.sqlite3",
        webhook_url=f"{listener.url}/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
    )
    try:
        with running(settings) as sandbox:
            control = SandboxControl(sandbox.url)
            control.seed()
            control.wait_until_delivered(timeout_seconds=110)
            stack = Stack(database_url, listener, sandbox.url, control)
            stack.settle()
            yield stack
            control.close()
    finally:
        listener.stop()


@pytest.fixture(scope="module")
def desk(company: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("desk"), **company.variables) as console:
        yield console


@pytest.fixture(scope="module")
def bare_desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on a database in which nothing has happened, with no listener."""
    folder = tmp_path_factory.mktemp("bare desk")
    with running_console(
        folder,
        DATABASE_URL=fresh_sqlite(folder, sqlite_template),
        LISTENER_URL=NOBODY_LISTENS,
        STRIPE_API_KEY=API_KEY,
    ) as console:
        yield console


@contextmanager
def somebody(
    browser: Browser, console: Console, role: str, *, width: int = 1440, scheme: str = "light"
) -> Iterator[Page]:
    """A window in which somebody of that role has signed in."""
    with window(browser, width, scheme) as context:
        page = context.new_page()
        sign_in(page, console.url, role)
        yield page


def look(page: Page, console: Console, address: str, name: str) -> None:
    """Open an address, keep its picture, and find nothing broken on it."""
    page.goto(f"{console.url}{address}")
    idle(page)
    expect(fresh(page.get_by_role("heading", level=1))).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    picture(page, name)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
    main = "document.querySelector('[data-testid=stMain]')"
    for _ in range(200):  # a chart takes a moment to follow the window back to its size
        if page.evaluate(f"{main}.scrollWidth <= {main}.clientWidth"):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{name} is wider than its window")


def picture(page: Page, name: str) -> None:
    """Keep how the page looks from top to bottom: what scrolls is inside the window."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shown = page.viewport_size
    assert shown is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": shown["width"], "height": max(int(height), shown["height"])})
    page.screenshot(path=PICTURES / f"{name}.png")
    page.set_viewport_size(shown)


def address_of(entry: Entry) -> str:
    """Where a page is; the organization's needs one to be about."""
    return f"/{entry.path}" + ("?org=org_acme" if entry.path == "organization" else "")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_shows_a_company_without_fault_contrast_included(
    browser: Browser, desk: Console, width: int, scheme: str
) -> None:
    faults: list[str] = []
    with somebody(browser, desk, "admin", width=width, scheme=scheme) as page:
        for entry in PAGES:
            name = entry.path or "overview"
            look(page, desk, address_of(entry), f"{name}-{width}-{scheme}")
            found = Axe().run(page, context={"include": OURS})
            faults += [
                f"{name}: {each['id']} {node['target']}"
                for each in found.response["violations"]
                for node in each["nodes"]
            ]
    assert faults == []


def test_whoever_turns_a_page_reads_it_from_its_beginning(browser: Browser, desk: Console) -> None:
    with somebody(browser, desk, "support") as page:
        page.goto(f"{desk.url}/organizations")
        idle(page)
        first = page.locator(".bc-opens tbody a[data-in-app]").first
        name = first.inner_text()
        fresh(page.get_by_role("button", name="Next page")).click()
        expect(first).not_to_have_text(name)
        expect(first).to_be_in_viewport()


def test_every_page_explains_itself_when_nothing_has_happened_and_the_listener_is_away(
    browser: Browser, bare_desk: Console
) -> None:
    with somebody(browser, bare_desk, "admin", width=390) as page:
        for entry in PAGES:
            look(page, bare_desk, address_of(entry), f"{entry.path or 'overview'}-empty")
            expect(fresh(page.get_by_text("The listener does not answer."))).to_be_visible()


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_what_a_role_may_not_see_is_absent_from_the_menu_and_refused(
    browser: Browser, desk: Console, role: str
) -> None:
    with somebody(browser, desk, role) as page:
        menu = page.get_by_test_id("stSidebarNav")
        for entry in PAGES:
            allowed = may({role}, entry.permission)
            listed = menu.get_by_role("link", name=entry.title, exact=True)
            expect(listed).to_have_count(1 if allowed and entry.listed else 0)
            page.goto(f"{desk.url}{address_of(entry)}")
            idle(page)
            refusal = page.get_by_role("heading", name="Not for your role")
            expect(fresh(page.get_by_role("heading", level=1))).to_be_visible()
            expect(refusal).to_have_count(0 if allowed else 1)


def test_a_database_that_goes_away_is_a_sentence_on_every_page_and_its_return_is_noticed(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    url = fresh_sqlite(tmp_path, sqlite_template)
    file = Path(url.removeprefix("sqlite:///"))
    with (
        running_console(tmp_path, DATABASE_URL=url, LISTENER_URL=NOBODY_LISTENS) as console,
        somebody(browser, console, "admin") as page,
    ):
        away = file.rename(file.with_suffix(".away"))
        for entry in PAGES:
            page.goto(f"{console.url}{address_of(entry)}")
            idle(page)
            if entry.path in WITHOUT_DATABASE:
                expect(fresh(page.get_by_role("heading", name=entry.title))).to_be_visible()
            else:
                sentence = page.get_by_text("The database cannot be read at the moment.")
                expect(sentence).to_be_visible()
            expect(page.get_by_test_id("stException")).to_have_count(0)
        page.goto(console.url)
        idle(page)
        picture(page, "database-away")
        away.rename(file)
        fresh(page.get_by_role("button", name="Try again")).click()
        expect(fresh(page.get_by_text("No organizations yet."))).to_be_visible()


@pytest.mark.parametrize("name", [LONG_NAME, RIGHT_TO_LEFT])
def test_long_names_and_names_from_right_to_left_break_no_page(
    browser: Browser, desk: Console, name: str
) -> None:
    with somebody(browser, desk, "admin", width=390) as page:
        page.goto(f"{desk.url}/organizations?q={name}")
        page.locator("td a").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        look(
            page,
            desk,
            page.url.removeprefix(desk.url),
            f"organization-{'long' if name == LONG_NAME else 'right-to-left'}",
        )
