"""An organization's timeline: what happened in plain sentences, by day, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import streamlit as st
from markupsafe import Markup

from billing_core.rows import TimelineEntry, TimelinePage
from billing_core.sentences import StoryKind
from console import address, elements, past
from console.changes import change_lines
from console.elements import NOTHING
from console.labels import icon, outcome_badge
from console.viewer import Viewer, lasting

PAGE = 40
_LONGEST = 400
_SLOW = timedelta(minutes=5)
_KINDS = {
    StoryKind.EVERYTHING.value: "All",
    StoryKind.SUBSCRIPTION.value: "Subscription",
    StoryKind.PAYMENTS.value: "Payments",
    StoryKind.STAFF.value: "Links & staff",
}
_EVERYTHING = "timeline_everything"


@dataclass(frozen=True, slots=True)
class Telling:
    """How much of the story is told, and to whom; all but the last two stand in the address."""

    org_id: str
    kind: StoryKind
    length: int
    who: Viewer
    payloads: bool


def wanted(org_id: str, who: Viewer, *, payloads: bool) -> Telling:
    """What the address asks for; ``payloads`` says whether raw ones may be looked at."""
    kind = st.query_params.get("kind", "")
    length = st.query_params.get("entries", "")
    return Telling(
        org_id=org_id,
        kind=StoryKind(kind) if kind in _KINDS else StoryKind.EVERYTHING,
        length=max(PAGE, min(int(length), _LONGEST)) if length.isdecimal() else PAGE,
        who=who,
        payloads=payloads,
    )


def story(page: TimelinePage, telling: Telling) -> None:
    """The entries, what they are narrowed to, and a button for what is older."""
    elements.section("Timeline")
    with st.container(horizontal=True, vertical_alignment="center"):
        address.hold("kind", options=_KINDS, default=StoryKind.EVERYTHING.value)
        st.pills(
            "Kind",
            list(_KINDS),
            format_func=_KINDS.__getitem__,
            key="kind",
            label_visibility="collapsed",
            on_change=address.write,
            args=("kind", StoryKind.EVERYTHING.value),
            required=True,
        )
        st.session_state[_EVERYTHING] = everything = "quiet" in st.query_params
        st.toggle("Show every event", key=_EVERYTHING, on_change=_write_everything)
    shown = [entry for entry in page.entries if everything or not entry.quiet]
    if shown:
        elements.show(_days(shown, telling))
    elif page.entries:
        elements.empty(
            "Nothing worth telling so far.", "“Show every event” shows what tells nothing new."
        )
    else:
        elements.empty("Nothing has happened yet.", "What Stripe reports appears here by itself.")
    if page.next_cursor and telling.length < _LONGEST:
        st.button("Show older", on_click=_lengthen, args=(telling.length,), key="timeline_older")


def _write_everything() -> None:
    """What was ignored or came late is shown on request."""
    if st.session_state[_EVERYTHING]:
        st.query_params["quiet"] = "1"
    else:
        st.query_params.pop("quiet", None)


def _lengthen(length: int) -> None:
    st.query_params["entries"] = str(min(length + 2 * PAGE, _LONGEST))


def _days(entries: Sequence[TimelineEntry], telling: Telling) -> Markup:
    days = groupby(entries, key=lambda entry: telling.who.day(entry.at))
    return NOTHING.join(
        Markup('<section class="bc-day"><h3>{}</h3><ol>{}</ol></section>').format(
            day, NOTHING.join(_entry(entry, telling) for entry in of_day)
        )
        for day, of_day in days
    )


def _entry(entry: TimelineEntry, telling: Telling) -> Markup:
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
        _behind(entry, telling),
        elements.timed(telling.who.clock(entry.at), entry.at),
    )


def _behind(entry: TimelineEntry, telling: Telling) -> Markup:
    """The fields that changed, before and after, and the event, folded away."""
    if entry.event_id is None:
        return NOTHING
    event = Markup("{} {}").format(
        elements.code(entry.event_type or ""), elements.code(entry.event_id)
    )
    return elements.folded(
        "Details",
        elements.lines(
            *change_lines(entry.changes, telling.who),
            _arrival(entry.at, entry.received_at, telling.who),
            event,
            Markup(" · ").join(_ways(entry, telling)),
        ),
    )


def _arrival(at: datetime, received_at: datetime | None, who: Viewer) -> Markup | None:
    """When it reached us, where that was long after it happened."""
    if received_at is None or received_at - at < _SLOW:
        return None
    late = lasting((received_at - at).total_seconds())
    return Markup("Reached us on {}, {} later").format(elements.time(received_at, who), late)


def _ways(entry: TimelineEntry, telling: Telling) -> list[Markup]:
    org_id, page = telling.org_id, "/organization"
    ways = [elements.link("The state then", page, org=org_id, as_of=past.address_of(entry.at))]
    if telling.payloads and entry.event_id is not None:
        kept = st.query_params.to_dict() | {"org": org_id, "payload": entry.event_id}
        ways.append(elements.link_over("Raw payload", page, **kept))
    return ways
