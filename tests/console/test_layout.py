"""Our own markup in a browser, in the widths that a page gives it: what must stay in one piece does."""

import base64
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import streamlit
from playwright.sync_api import Browser, Page

from console import elements
from console.elements import Column

ROOM = {1440: 1009, 390: 360}  # what is left for a page's own content in a window so wide
_FONT = next(Path(streamlit.__file__).parent.glob("static/static/media/SourceSansVF-Upright*"))
_PAGE = """
<style>
@font-face {{ font-family: ours; src: url(data:font/woff2;base64,{font}); font-weight: 200 900; }}
html {{ font: 15px ours; }}
* {{ box-sizing: border-box; }}
{css}
</style>
<body class="stApp" style="margin: 0"><div class="stHtml" style="width: {room}px">{body}</div></body>
"""
# The lines that the browser has made of a text.
_READ = """element => {
    const lines = new Map();
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
        for (let at = 0; at < node.length; at++) {
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            const bottom = Math.round(range.getBoundingClientRect().bottom);
            lines.set(bottom, (lines.get(bottom) ?? "") + node.data[at]);
        }
    }
    return [...lines.values()];
}"""


@pytest.fixture(params=sorted(ROOM))
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window of that width."""
    window = browser.new_page(viewport={"width": request.param, "height": 900})
    yield window
    window.close()


def draw(page: Page, body: str) -> None:
    """Show our markup as a page of the console would."""
    assert page.viewport_size is not None
    font = base64.b64encode(_FONT.read_bytes()).decode()
    css = (elements.ASSETS / "console.css").read_text(encoding="utf-8")
    room = ROOM[page.viewport_size["width"]]
    page.set_content(_PAGE.format(font=font, css=css, room=room, body=body))
    page.evaluate("document.fonts.ready")


def lines_of(page: Page, selector: str) -> list[str]:
    """The lines in which something is read."""
    read: list[str] = page.locator(selector).evaluate(_READ)
    return read


@pytest.mark.parametrize(
    "address",
    [
        "billing@verylonglonglonglonglong.example",
        "accounts.payable@northern-lights.example.com",
        "a.person+with.a.tag@department.of.a.long.name.example",
    ],
)
def test_an_email_address_without_room_breaks_at_its_signs_only(page: Page, address: str) -> None:
    cell = elements.quiet(elements.email(address))
    columns = [Column(name) for name in ("Organization", "Ends", "Asked for", "Plan", "Why")]
    filled = "as long a text as somebody writes who leaves"
    draw(page, elements.table(columns, [(cell, *[filled] * 4)], "Leaving"))
    pieces = lines_of(page, "td .bc-quiet")
    assert "".join(pieces) == address
    for before, after in pairwise(pieces):
        assert before[-1] in "@-" or after[0] == "."
