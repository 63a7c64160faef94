"""The list of support links: what it is narrowed to, and a line each."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import streamlit as st
from markupsafe import Markup

from billing_core.links import DESTINATIONS, LinkState
from billing_core.queries.links import LinkFilters
from billing_core.rows.links import LinkRow
from console import address, elements
from console.elements import Column, Text
from console.link_words import STATE_NAMES, came_of, state_badge
from console.viewer import Viewer

_COLUMNS = (
    Column("Link"),
    Column("Organization"),
    Column("Made by"),
    Column("Reason"),
    Column("State"),
    Column("What came of it"),
)


def link_filters() -> LinkFilters:
    """Controls for state, destination, maker and organization, all of them in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state = choice("state", "State", STATE_NAMES, 130)
        named = {name: name for name in DESTINATIONS}
        destination = choice("destination", "Destination", named, 220)
        maker = field("by", "Made by", 150)
        org_id = field("org", "Organization id", 180)
        field("link", "Reference", 200, "On the customer's page")
    return LinkFilters(
        org_id=org_id or None,
        created_by=maker.lower() or None,
        destination=destination,
        state=LinkState(state) if state else None,
    )


def link_table(rows: Iterable[LinkRow], who: Viewer, now: datetime) -> Markup:
    """A line each, newest first; the destination leads to the link's own page."""
    lines = [_row(row, who, now) for row in rows]
    return elements.table(_COLUMNS, lines, "Support links")


def field(key: str, label: str, width: int, hint: str = "") -> str:
    """A text field whose value is in the address."""
    address.hold(key)
    typed = st.text_input(
        label, key=key, on_change=address.write, args=(key,), width=width, placeholder=hint
    )
    return (typed or "").replace("\0", "").strip()


def choice(key: str, label: str, options: Mapping[str, str], width: int) -> str | None:
    """A choice, or none, whose value is in the address."""
    every = {"": "Any", **options}
    address.hold(key, options=every)
    chosen = st.selectbox(
        label,
        list(every),
        format_func=every.__getitem__,
        key=key,
        on_change=address.write,
        args=(key,),
        width=width,
    )
    return chosen or None


def _row(row: LinkRow, who: Viewer, now: datetime) -> tuple[Text, ...]:
    link = row.link
    return (
        elements.link(link.destination, "/links", link=link.link_id),
        elements.organization_link(link.org_id, row.org_name),
        elements.lines(
            elements.untrusted(link.created_by), elements.quiet(elements.time(link.created_at, who))
        ),
        elements.untrusted(link.reason),
        elements.lines(state_badge(row.state), _until(row, who), _used(row, who)),
        came_of(link, row.news, who, now),
    )


def _until(row: LinkRow, who: Viewer) -> Markup | None:
    link = row.link
    if row.state is LinkState.USED_UP:
        return None
    at = link.revoked_at if row.state is LinkState.REVOKED else link.expires_at
    word = "until" if row.state is LinkState.ACTIVE else "since"
    return elements.quiet(Markup("{} {}").format(word, elements.time(at, who)))


def _used(row: LinkRow, who: Viewer) -> Markup | None:
    """How often of how many times, where that is not plain from the state."""
    link = row.link
    if link.last_redeemed_at is None and link.uses_allowed == 1:
        return None
    if link.last_redeemed_at is None:
        return elements.quiet(f"{link.uses} of {link.uses_allowed} uses")
    times = "used" if link.uses_allowed == 1 else f"{link.uses} of {link.uses_allowed} uses, last"
    return elements.quiet(Markup("{} {}").format(times, elements.time(link.last_redeemed_at, who)))
