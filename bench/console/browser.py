"""How long a person waits in a real browser: from a click until the page is idle again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

from bench.console.serving import Console
from bench.console.visits import Sample

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# The page's own clock, so that neither this process nor its way to the browser is measured. Idle
# is the first moment after the click when a run has begun and none is under way any more.
_WATCH = """
() => {
  const app = document.querySelector("[data-testid='stApp']");
  const state = () => app.getAttribute("data-test-script-state");
  window.benchIdle = null;
  window.benchStart = null;
  let ran = false;
  // A short run may be over before the browser tells of it: then only its record says "running".
  const observer = new MutationObserver((records) => {
    if (window.benchStart === null) return;
    if (state() === "running" || records.some((each) => each.oldValue === "running")) ran = true;
    if (ran && state() === "notRunning") {
      window.benchIdle = performance.now() - window.benchStart;
      observer.disconnect();
    }
  });
  observer.observe(app, {
    attributes: true, attributeOldValue: true, attributeFilter: ["data-test-script-state"],
  });
  const begin = () => { if (window.benchStart === null) window.benchStart = performance.now(); };
  document.addEventListener("pointerdown", begin, {capture: true, once: true});
}
"""
Click = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Clicks:
    """One thing that was clicked several times, milliseconds until idle."""

    what: str
    times: tuple[float, ...]


def time_clicks(console: Console, sample: Sample, *, clicks: int) -> list[Clicks]:
    """Click through the pages as somebody at work does."""
    with _window(console) as page:
        found = []
        for what, address, click in _clicked(sample):
            page.goto(f"{console.url}{address}")
            _idle(page)
            times = []
            for _ in range(clicks + 1):
                page.evaluate(_WATCH)
                click(page)
                page.wait_for_function("() => window.benchIdle !== null", timeout=30_000)
                times.append(float(page.evaluate("() => window.benchIdle")))
                _idle(page)
                page.wait_for_timeout(150)
            found.append(Clicks(what, tuple(times[1:])))
        return found


def _clicked(sample: Sample) -> Iterator[tuple[str, str, Click]]:
    org = quote(sample.known[0].org_id)
    yield "next page", "/organizations", _button("next_page")
    yield "menu: Overview and Organizations", "/organizations", _menu("Overview", "Organizations")
    yield "a filter on and off", "/organizations", _filter
    yield "an organization and back", f"/organizations?q={org}", _row_and_back
    yield "menu: Winding down and Webhooks", "/winding-down", _menu("Webhooks", "Winding down")


def _button(key: str) -> Click:
    return lambda page: page.locator(f".st-key-{key} button").click()


def _menu(*titles: str) -> Click:
    turns = iter(titles * 500)
    return lambda page: (
        page.get_by_test_id("stSidebarNav")
        .get_by_role("link", name=next(turns), exact=True)
        .click()
    )


_shown = iter(("Past due", "All") * 500)


def _filter(page: Page) -> None:
    page.locator(".st-key-show").get_by_role("radio", name=next(_shown), exact=True).click()


def _row_and_back(page: Page) -> None:
    row = page.locator("a[data-in-app][href*='/organization?org=']").first
    if "/organization?" in page.url:
        page.get_by_test_id("stSidebarNav").get_by_role(
            "link", name="Organizations", exact=True
        ).click()
    else:
        row.click()


def _idle(page: Page) -> None:
    page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']")
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']")


@contextmanager
def _window(console: Console) -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_ARGUMENTS
        )
        context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.add_cookies(
            [{"name": "console_session", "value": console.cookies["admin"], "url": console.url}]
        )
        yield context.new_page()
        chromium.close()
