"""Events that wait for a person: each with its sentence, to be retried or ignored."""

from datetime import datetime

import streamlit as st
from markupsafe import Markup

from billing_core.commands import IgnoreEvents, ReplayEvents, ReplayParked
from billing_core.rows import Count, EventPage, EventRow
from console import address, elements, event_work
from console.identity import Principal
from console.missed_tables import event_link
from console.viewer import ago

_SHORTEST_REASON = 3
_FAULT = "parked_fault"
_REASON = "ignore_reason"


def parked_list(principal: Principal, page: EventPage, parked: Count, now: datetime) -> None:
    """The list, with what can be done about some or all of them."""
    elements.section(
        f"{parked} parked {'event' if parked.value == 1 else 'events'}",
        "Stored, and waiting for a person to look at them",
    )
    if not page.rows:
        elements.empty("No event is parked.", "Everything that Stripe sent could be read.")
        return
    st.button(
        "Retry all parked",
        icon=":material/replay:",
        key="retry_all",
        on_click=event_work.ask,
        args=(principal, ReplayParked()),
    )
    with st.form("parked", border=False):
        for number, event in enumerate(page.rows, start=1):
            with st.container(key=f"bc_parked_{number}", horizontal=True, gap="small"):
                st.checkbox(
                    f"Choose event {number}",
                    key=_choice(event.event_id),
                    label_visibility="collapsed",
                    width=28,
                )
                elements.show(_card(event, now))
        st.text_input(
            "Reason for ignoring",
            key=_REASON,
            max_chars=500,
            placeholder="Kept with the event and in the audit log",
        )
        ids = tuple(event.event_id for event in page.rows)
        with st.container(horizontal=True):
            st.form_submit_button(
                "Retry chosen",
                type="primary",
                icon=":material/replay:",
                on_click=_retry,
                args=(principal, ids),
            )
            st.form_submit_button(
                "Ignore chosen", icon=":material/block:", on_click=_ignore, args=(principal, ids)
            )
    fault = st.session_state.pop(_FAULT, None)
    if fault is not None:
        elements.notice(fault, "warn")
    address.pages(page.next_cursor)


def _retry(principal: Principal, ids: tuple[str, ...]) -> None:
    chosen = _chosen(ids)
    if chosen:
        _ask(principal, ReplayEvents(event_ids=chosen))


def _ignore(principal: Principal, ids: tuple[str, ...]) -> None:
    chosen = _chosen(ids)
    reason = " ".join(str(st.session_state.get(_REASON) or "").split())
    if chosen and len(reason) < _SHORTEST_REASON:
        st.session_state[_FAULT] = "Say why first: an ignored event is never applied."
    elif chosen:
        _ask(principal, IgnoreEvents(event_ids=chosen, reason=reason))


def _chosen(ids: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(event_id for event_id in ids if st.session_state.get(_choice(event_id)))
    if not chosen:
        st.session_state[_FAULT] = "Tick the events first."
    return chosen


def _ask(principal: Principal, command: ReplayEvents | IgnoreEvents) -> None:
    """Ask, and untick what was asked about; a refused choice stays as it is."""
    if event_work.accepted(principal, command):
        for event_id in command.event_ids:
            st.session_state[_choice(event_id)] = False
        st.session_state[_REASON] = ""


def _choice(event_id: str) -> str:
    return f"chosen_{event_id}"


def _card(event: EventRow, now: datetime) -> Markup:
    organization = (
        elements.organization_link(event.org_id, None)
        if event.org_id
        else elements.quiet("no organization known")
    )
    attempts = f"{event.attempts} {'attempt' if event.attempts == 1 else 'attempts'}"
    return Markup(
        '<div class="bc-parked"><p>{}</p><p class="bc-quiet">{} · {} · {} · received {} · {}</p></div>'
    ).format(
        elements.untrusted(event.error),
        elements.code(event.type),
        event_link(event.event_id),
        organization,
        elements.timed(ago(event.received_at, now), event.received_at),
        attempts,
    )
