"""An organization's timeline: what happened in plain sentences, by day, newest first."""

from collections.abc import Sequence
from itertools import groupby

import streamlit as st
from markupsafe import Markup

from billing_core.rows import TimelineEntry, TimelinePage
from console import elements
from console.changes import change_lines
from console.elements import NOTHING
from console.labels import icon, outcome_badge
from console.viewer import Viewer

PAGE = 40
_LONGEST = 400


def wanted_length(org_id: str) -> int:
    """How many entries to ask for: more each time that older ones were asked for."""
    return min(int(st.session_state.get(f"timeline_length_{org_id}", PAGE)), _LONGEST)


def story(org_id: str, page: TimelinePage, who: Viewer) -> None:
    """The entries, with a switch for what tells nothing new and a button for what is older."""
    everything = False
    with st.container(horizontal=True, vertical_alignment="center"):
        elements.section("Timeline")
        if any(entry.quiet for entry in page.entries):
            everything = st.toggle("Show every event", key="timeline_everything")
    shown = [entry for entry in page.entries if everything or not entry.quiet]
    if not shown:
        elements.empty("Nothing has happened yet.", "What Stripe reports appears here by itself.")
    else:
        elements.show(_days(shown, who))
    if page.next_cursor and wanted_length(org_id) < _LONGEST:
        st.button("Show older", on_click=_lengthen, args=(org_id,), key="timeline_older")


def _lengthen(org_id: str) -> None:
    st.session_state[f"timeline_length_{org_id}"] = wanted_length(org_id) + 2 * PAGE


def _days(entries: Sequence[TimelineEntry], who: Viewer) -> Markup:
    days = groupby(entries, key=lambda entry: who.day(entry.at))
    return NOTHING.join(
        Markup('<section class="bc-day"><h3>{}</h3><ol>{}</ol></section>').format(
            day, NOTHING.join(_entry(entry, who) for entry in of_day)
        )
        for day, of_day in days
    )


def _entry(entry: TimelineEntry, who: Viewer) -> Markup:
    told = [Markup("<p>{}</p>").format(elements.sentence(entry.sentence))]
    told += [
        Markup('<p class="bc-quiet">{}</p>').format(elements.untrusted(detail))
        for detail in entry.details
    ]
    if entry.outcome in ("stale", "parked", "pending"):
        told.append(outcome_badge(entry.outcome))
    return Markup('<li class="bc-entry{}">{}<div>{}{}</div>{}</li>').format(
        " bc-still" if entry.quiet else "",
        icon(entry.kind),
        NOTHING.join(told),
        _behind(entry, who),
        elements.timed(who.clock(entry.at), entry.at),
    )


def _behind(entry: TimelineEntry, who: Viewer) -> Markup:
    """The event and the fields it changed, folded away."""
    if entry.event_id is None:
        return NOTHING
    event = Markup("{} {}").format(
        elements.code(entry.event_type or ""), elements.code(entry.event_id)
    )
    return Markup("<details><summary>Details</summary>{}</details>").format(
        elements.lines(*change_lines(entry.changes, who), event)
    )
