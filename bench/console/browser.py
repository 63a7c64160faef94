"""How long a person waits in a real browser: from a click until the page is idle again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.SessionStatus_pb2 import SessionStatus

from bench.console.serving import Console
from bench.console.visits import Sample

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_NOTHING_RUNS = ForwardMsg(session_status_changed=SessionStatus())
# Streamlit's own word that no run is under way any more, of which the page may tell nothing where
# everything came at once and was drawn at once.
_LISTEN = """
window.benchEnd = null;
window.WebSocket = class extends window.WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (event) => {
      const data = new Uint8Array(event.data);
      if (data.length < 9 && String(data) === END) window.benchEnd = performance.now();
    });
  }
};
""".replace("END", f'"{",".join(map(str, _NOTHING_RUNS.SerializeToString()))}"')
# The page's own clock, so that neither this process nor its way to the browser is measured. Idle
# is the last change of the page before the first frame that shows the run over.
_WATCH = """
() => {
  const app = document.querySelector("[data-testid='stApp']");
  window.benchIdle = null;
  let changed = 0;
  const observer = new MutationObserver(() => { changed = performance.now(); });
  observer.observe(app, {
    attributeFilter: ["data-test-script-state"], childList: true, characterData: true, subtree: true,
  });
  const look = (start) => {
    const drawn = changed > window.benchEnd || performance.now() > window.benchEnd + 200;
    const over = window.benchEnd !== null && drawn
      && app.getAttribute("data-test-script-state") === "notRunning";
    if (!over) return requestAnimationFrame(() => look(start));
    window.benchIdle = Math.max(changed, window.benchEnd) - start;
    observer.disconnect();
  };
  const begin = () => { window.benchEnd = null; look(performance.now()); };
  document.addEventListener("pointerdown", begin, {capture: true, once: true});
}
"""
# Whoever clicks sees first where to: rows that still move are not clicked at.
_STILL = """
() => new Promise((done) => {
  const main = document.querySelector("[data-testid='stMain']");
  let before = "", same = 0;
  const look = () => {
    const count = document.querySelectorAll("*").length;
    const now = [main.scrollTop, main.scrollHeight, count].join();
    same = now === before ? same + 1 : 0;
    before = now;
    if (same < 12) requestAnimationFrame(look); else done(true);
  };
  look();
})
"""
Click = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Clicks:
    """One thing that was clicked several times, milliseconds until idle."""

    what: str
    times: tuple[float, ...]


def time_clicks(console: Console, sample: Sample, *, clicks: int) -> list[Clicks]:
    """Click through the pages as somebody at work does, each way round so many times."""
    with _window(console) as page:
        found = []
        for address, way in _ways(sample):
            page.goto(f"{console.url}{address}")
            _idle(page)
            times: dict[str, list[float]] = {what: [] for what, _click in way}
            for _ in range(clicks + 1):
                for what, click in way:
                    times[what].append(_time(page, click))
            found += [Clicks(what, tuple(each[1:])) for what, each in times.items()]
        return found


def _time(page: Page, click: Click) -> float:
    page.evaluate(_WATCH)
    click(page)
    page.wait_for_function("() => window.benchIdle !== null", timeout=30_000)
    took = float(page.evaluate("() => window.benchIdle"))
    _idle(page)
    return took


def _ways(sample: Sample) -> Iterator[tuple[str, list[tuple[str, Click]]]]:
    """Where each begins, and the clicks that lead back there."""
    org = quote(sample.known[0].org_id)
    yield "/organizations", [("next page", _button("next_page")), _first_page("organizations")]
    yield (
        "/organizations",
        [
            ("filter on", _choice("show", "Past due")),
            ("filter off", _choice("show", "All")),
        ],
    )
    yield "/organizations", [_menu("Overview"), _menu("Organizations")]
    yield (
        f"/organizations?q={org}",
        [("an organization", _row), ("back to the list", _menu("Organizations")[1])],
    )
    yield "/organizations", [_menu("Winding down"), _menu("Webhooks")]
    yield (
        "/winding-down",
        [("winding down: next page", _button("next_page")), _first_page("winding down")],
    )
    yield (
        "/winding-down",
        _views("winding down", "By date", "By plan and reason", "Undone", "Ended"),
    )
    yield "/webhooks", _views("webhooks", "Over time", "Missed", "Endpoint, alerts", "Waiting")
    yield "/links", [_menu("Audit log"), _menu("Portal insights"), _menu("Support links")]


def _button(key: str) -> Click:
    return lambda page: page.locator(f".st-key-{key} button").click()


def _first_page(of: str) -> tuple[str, Click]:
    return f"{of}: first page", _button("first_page")


def _choice(key: str, name: str) -> Click:
    return lambda page: (
        page.locator(f".st-key-{key}").get_by_role("radio", name=name, exact=True).click()
    )


def _views(of: str, *names: str) -> list[tuple[str, Click]]:
    return [(f"{of}: {name}", _choice("view", name)) for name in names]


def _menu(title: str) -> tuple[str, Click]:
    return (
        f"menu: {title}",
        lambda page: (
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click()
        ),
    )


def _row(page: Page) -> None:
    page.locator(".bc-opens a[data-in-app][href*='/organization?org=']").first.click()


def _idle(page: Page) -> None:
    page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']")
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']")
    page.evaluate(_STILL)


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
        context.add_init_script(_LISTEN)
        yield context.new_page()
        chromium.close()
