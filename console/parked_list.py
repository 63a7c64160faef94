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
                    key=_choice(event),
                    label_visibility="collapsed",
                    width=28,
                )
                elements.show(_card(event, now))
        reason = st.text_input(
            "Reason for ignoring",
            key="ignore_reason",
            max_chars=500,
            placeholder="Kept with the event and in the audit log",
        )
        with st.container(horizontal=True):
            retry = st.form_submit_button("Retry chosen", type="primary", icon=":material/replay:")
            ignore = st.form_submit_button("Ignore chosen", icon=":material/block:")
    if retry or ignore:
        _submitted(principal, page, "" if retry else reason or "", ignore=ignore)
    address.pages(page.next_cursor)


def _submitted(principal: Principal, page: EventPage, reason: str, *, ignore: bool) -> None:
    chosen = tuple(each.event_id for each in page.rows if st.session_state.get(_choice(each)))
    said = " ".join(reason.split())
    if not chosen:
        elements.notice("Tick the events first.", "warn")
        return
    if ignore and len(said) < _SHORTEST_REASON:
        elements.notice("Say why first: an ignored event is never applied.", "warn")
        return
    command = (
        IgnoreEvents(event_ids=chosen, reason=said) if ignore else ReplayEvents(event_ids=chosen)
    )
    event_work.ask(principal, command)
    st.rerun()


def _choice(event: EventRow) -> str:
    return f"chosen_{event.event_id}"


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
