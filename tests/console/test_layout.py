"""Our own markup in a browser, in the widths that a page gives it: what must stay in one piece does."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import streamlit
from markupsafe import Markup
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
    """The lines in which all that is of one kind is read."""
    read = page.locator(selector).evaluate_all(f"all => all.flatMap({_READ})")
    return [str(line) for line in read]


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


def test_the_type_of_an_event_without_room_breaks_after_a_dot(page: Page) -> None:
    event_type = elements.sentence("`customer.subscription.trial_will_end`")
    step = Markup('<li class="bc-step"><span>Stripe said</span><b>{}</b></li>').format(event_type)
    draw(page, Markup('<ol class="bc-chain">{}</ol>').format(step * 6))
    pieces = lines_of(page, "li:first-child code")
    assert "".join(pieces) == "customer.subscription.trial_will_end"
    assert len(pieces) > 1
    assert all(piece[-1] == "." for piece in pieces[:-1])


@pytest.mark.parametrize(
    "values",
    [
        ["24 minutes ago", "0", "41 hours"],
        ["US$1,234,567.00", "€213.00", "JP¥123,456,789", "CHF 1,234,567.00"],
        ["No amount", "1.234.567,00\xa0$US"],
    ],
)
def test_the_value_of_a_tile_stands_on_one_line_larger_than_what_is_below(
    page: Page, values: list[str]
) -> None:
    now = datetime(2026, 6, 15, tzinfo=UTC)
    timed = [elements.timed(value, now) if "ago" in value else value for value in values]
    draw(page, elements.tiles((value, "Label", "plain", "below it") for value in timed))
    assert lines_of(page, ".bc-value") == values
    sizes = [
        page.locator(selector).first.evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        for selector in (".bc-value", ".bc-label")
    ]
    assert sizes[0] > sizes[1]
