"""Everything that may hold untrusted text goes through here: escaped HTML with our own classes.

Streamlit reads Markdown in almost every label, so names, e-mail addresses, comments and reasons
never go into one. ``Markup.format`` escapes whatever is put into it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup, escape

from console.viewer import Viewer, exact_utc

ASSETS = Path(__file__).parent / "assets"
NOTHING = Markup("")
DASH = Markup('<span class="bc-quiet">–</span>')
_CELL = Markup("<td>{}</td>")
_MOST_COLUMNS = 10  # the stylesheet spells out each one's alignment and its name on a phone
_SCRIPT = '<script src="/console.js"></script>'

Text = str | Markup


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; a number is set to the right."""

    label: str
    number: bool = False


def assets() -> None:
    """The stylesheet, and the script that opens our links inside the page."""
    st.html(ASSETS / "console.css")
    # A constant of ours: nothing that anybody typed ever goes in here.
    with st.container(key="bc_script"):
        st.html(_SCRIPT, unsafe_allow_javascript=True)


def show(*parts: Text) -> None:
    """Put parts on the page; plain strings are escaped."""
    st.html(str(NOTHING.join(parts)))


def page_heading(title: str, subtitle: Text = "") -> None:
    """The page's title, with a line below."""
    below = Markup('<p class="bc-subtitle">{}</p>').format(subtitle) if subtitle else NOTHING
    show(
        Markup('<header class="bc-heading"><h1 dir="auto">{}</h1>{}</header>').format(title, below)
    )


def section(title: str, note: Text = "") -> None:
    """A section's heading."""
    aside = Markup(' <span class="bc-quiet">{}</span>').format(note) if note else NOTHING
    show(Markup('<h2 class="bc-section">{}{}</h2>').format(title, aside))


def notice(sentence: Text, tone: str = "info", title: str = "") -> None:
    """A sentence that must not be missed; ``tone`` is info, good, warn or bad."""
    head = Markup("<strong>{}</strong> ").format(title) if title else NOTHING
    role = "alert" if tone == "bad" else "status"
    show(
        Markup('<div class="bc-notice bc-{}" role="{}">{}{}</div>').format(
            tone, role, head, sentence
        )
    )


def empty(title: str, hint: Text = "") -> None:
    """What stands where there is nothing to list: what that means and what to do."""
    show(Markup('<div class="bc-empty"><p><b>{}</b></p><p>{}</p></div>').format(title, hint))


def badge(word: str, tone: str) -> Markup:
    """A word in a coloured pill; the word alone says it all."""
    return Markup('<span class="bc-badge bc-{}">{}</span>').format(tone, word)


def code(text: str) -> Markup:
    """An id or anything else to be read letter by letter; without room it breaks after a dot."""
    return Markup("<code>{}</code>").format(escape(text).replace(".", Markup(".<wbr>")))


def quiet(text: Text) -> Markup:
    """Text that steps back."""
    return Markup('<span class="bc-quiet">{}</span>').format(text)


def lines(*parts: Text | None) -> Markup:
    """Parts below one another; empty ones are left out."""
    return NOTHING.join(Markup("<div>{}</div>").format(part) for part in parts if part)


def untrusted(text: str | None) -> Markup:
    """Somebody else's words, isolated so that their direction does not turn the line around."""
    return Markup("<bdi>{}</bdi>").format(text) if text else DASH


def email(address: str) -> Markup:
    """An e-mail address that breaks at its signs, not within a word, where it has no room."""
    breakable = escape(address).replace("@", Markup("@<wbr>")).replace(".", Markup("<wbr>."))
    return Markup("<bdi>{}</bdi>").format(breakable)


def sentence(text: str) -> Markup:
    """A sentence with what stands between backticks set as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return NOTHING.join(
        code(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def time(at: datetime | None, viewer: Viewer, *, clock: bool = True) -> Markup:
    """A time in the viewer's zone, with the exact UTC on hover."""
    if at is None:
        return DASH
    return timed(viewer.moment(at) if clock else viewer.day(at), at)


def timed(text: str, at: datetime) -> Markup:
    """Any text that stands for a time, with the exact UTC on hover."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(), exact_utc(at), text
    )


def as_of(text: str, now: datetime, viewer: Viewer) -> Markup:
    """When a page that does not look again by itself was read: "seconds ago" is ago from then."""
    return Markup("{}, as of {}.").format(text, timed(viewer.clock(now), now))


def link(text: Text, path: str, **query: str) -> Markup:
    """A link to a page of the console that opens without loading everything anew."""
    address = f"{path}?{urlencode(query)}" if query else path
    return Markup('<a href="{}" data-in-app="1">{}</a>').format(address, text)


def link_over(text: Text, path: str, **query: str) -> Markup:
    """A link to something that opens over the page, which stays where it is."""
    address = f"{path}?{urlencode(query)}"
    return Markup('<a href="{}" data-in-app="over">{}</a>').format(address, text)


def outside(text: Text, url: str) -> Markup:
    """A link that leaves the console, in a tab of its own that learns nothing of this one."""
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, text)


def folded(summary: Text, *parts: Text) -> Markup:
    """Parts that are shown on a click on ``summary``."""
    return Markup('<details class="bc-folded"><summary>{}</summary>{}</details>').format(
        summary, NOTHING.join(parts)
    )


def organization_link(org_id: str, name: str | None) -> Markup:
    """An org by its name, or by its id where it has none, leading to its page."""
    return link(untrusted(name or org_id), "/organization", org=org_id)


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Text]],
    label: str,
    *,
    rows_open: bool = False,
) -> Markup:
    """A table that turns into cards on a narrow screen; ``label`` names it to screen readers.

    Where ``rows_open``, a click anywhere on a row follows its first link, and the arrow keys go
    from row to row. Raises ValueError for more columns than the stylesheet knows.
    """
    if len(columns) > _MOST_COLUMNS:
        raise ValueError(
            f"console.css knows {_MOST_COLUMNS} columns, and “{label}” has {len(columns)}:"
            " add to its rules and to _MOST_COLUMNS."
        )
    head = NOTHING.join(Markup('<th scope="col">{}</th>').format(each.label) for each in columns)
    body = NOTHING.join(_row(row) for row in rows)
    opens = " bc-opens" if rows_open else ""
    numbers = [f"bc-n{at}" for at, column in enumerate(columns, start=1) if column.number]
    names = [f"--c{at}:{_css_string(each.label)}" for at, each in enumerate(columns, start=1)]
    return Markup(
        '<div class="bc-table{}" role="region" aria-label="{}"><table class="{}" style="{}">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(opens, label, " ".join(numbers), ";".join(names), head, body)


def _row(row: Sequence[Text]) -> Markup:
    """Bare cells: the browser looks at every element and attribute before it shows them."""
    return Markup("<tr>{}</tr>").format(NOTHING.join(map(_CELL.format, row)))


def _css_string(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", " ")
    return f'"{escaped}"'


def facts(pairs: Iterable[tuple[str, Text]]) -> Markup:
    """Labels with values, side by side where there is room."""
    return Markup('<dl class="bc-facts">{}</dl>').format(
        NOTHING.join(
            Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(label, value)
            for label, value in pairs
        )
    )


def tiles(items: Iterable[tuple[Text, str, str, Text]]) -> Markup:
    """Numbers to notice: value, label, tone, and a line below each.

    The values are as large as lets the longest of them stand on one line.
    """
    shown = list(items)
    longest = max((len(escape(value).striptags()) for value, *_ in shown), default=1)
    return Markup('<div class="bc-tiles" style="--longest:{}">{}</div>').format(
        longest,
        NOTHING.join(
            Markup(
                '<div class="bc-tile bc-{}"><div class="bc-value">{}</div>'
                '<div class="bc-label">{}</div><div class="bc-quiet">{}</div></div>'
            ).format(tone, value, label, below)
            for value, label, tone, below in shown
        ),
    )
