"""The stored JSON of one event, for those who may see it."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.rows import Payload
from console import data, elements
from console.identity import Principal
from console.viewer import Viewer

_PARAMETER = "payload"


def show_wanted(principal: Principal, org_id: str, who: Viewer) -> None:
    """The payload that the address names, over the page; a refusal for whoever may not."""
    event_id = st.query_params.get(_PARAMETER)
    if not event_id:
        return
    if not principal.may(Permission.READ_PAYLOADS):
        elements.notice("Your role does not include the raw payloads of events.", "warn")
        return
    with data.snapshot() as connection:
        found = queries.payload(connection, event_id)
    if found is not None and found.org_id != org_id:
        found = None
    st.dialog("Raw payload", width="large", on_dismiss=_close)(_payload)(found, event_id, who)


def _close() -> None:
    st.query_params.pop(_PARAMETER, None)


def _payload(found: Payload | None, event_id: str, who: Viewer) -> None:
    if found is None:
        elements.notice(f"This organization has no event “{event_id[:100]}”.", "warn")
        return
    elements.show(
        elements.facts(
            [
                ("Type", elements.code(found.type)),
                ("Event", elements.code(found.event_id)),
                ("Created by Stripe", elements.time(found.created, who)),
                ("Received here", elements.time(found.received_at, who)),
            ]
        )
    )
    if found.text is None:
        elements.notice("Its payload is no longer stored, or cannot be read.", "warn")
        return
    elements.show(elements.quiet("As stored: bearer URLs and secrets were taken out on arrival."))
    st.code(found.text, language="json", height=460)
