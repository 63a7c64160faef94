"""One event by its id: what became of it, its payload for those who may, and applying it again."""

import re

import streamlit as st
from markupsafe import Markup

from billing_core import queries
from billing_core.commands import ReplayEvents
from billing_core.permissions import Permission
from billing_core.queries.payloads import payload
from billing_core.rows import EventRow
from console import address, data, elements, event_work
from console.identity import Principal
from console.labels import outcome_badge
from console.viewer import Viewer

_KEY = "event"
_EVENT_ID = re.compile(r"\bevt_\w+")
_LONGEST = 255


def event_lookup(principal: Principal, who: Viewer) -> None:
    """A field for the id, and the event that it names."""
    elements.section("Look up an event", "Whatever became of it")
    address.hold(_KEY)
    typed = st.text_input(
        "Event id",
        key=_KEY,
        on_change=_take,
        placeholder="evt_…",
        width=420,
    )
    event_id = (typed or "").strip()
    if not event_id or "\0" in event_id:
        return
    with data.snapshot() as connection:
        event = queries.stored_event(connection, event_id)
    if event is None:
        elements.empty(
            "No such event is stored.",
            "Reconcile fetches what webhooks did not bring, as far back as Stripe keeps it.",
        )
        return
    elements.show(_facts(event, who))
    if event.error:
        elements.notice(elements.untrusted(event.error), "info")
    if principal.may(Permission.REPLAY_EVENTS):
        st.button(
            "Replay this event",
            icon=":material/replay:",
            key="replay_one",
            on_click=event_work.ask,
            args=(principal, ReplayEvents(event_ids=(event.event_id,))),
        )
    if principal.may(Permission.READ_PAYLOADS) and st.toggle("Raw payload", key="raw_payload"):
        _payload(event.event_id)


def _take() -> None:
    """Look for the id in what may be a whole line of a log; a longer text without one is none."""
    typed = str(st.session_state.get(_KEY) or "")
    named = _EVENT_ID.search(typed)
    st.session_state[_KEY] = (named.group() if named else typed)[:_LONGEST]
    address.write(_KEY)


def _payload(event_id: str) -> None:
    with data.snapshot() as connection:
        found = payload(connection, event_id)
    if found is None or found.text is None:
        elements.empty("The payload is not kept any more.", "Old ones are removed by prune.")
        return
    elements.show(elements.quiet("As Stripe sent it; secrets were taken out before it was kept."))
    st.code(found.text, language="json", height=420)


def _facts(event: EventRow, who: Viewer) -> Markup:
    organization = elements.organization_link(event.org_id, None) if event.org_id else elements.DASH
    return elements.facts(
        [
            ("Outcome", outcome_badge(event.outcome)),
            ("Type", elements.code(event.type)),
            ("Organization", organization),
            ("Object", elements.code(event.object_id) if event.object_id else elements.DASH),
            ("Created by Stripe", elements.time(event.created, who)),
            ("Received", elements.time(event.received_at, who)),
            ("Applied", elements.time(event.applied_at, who)),
            ("Attempts", str(event.attempts)),
            ("Deliveries", str(event.deliveries)),
            ("API version", event.api_version or "–"),
        ]
    )
