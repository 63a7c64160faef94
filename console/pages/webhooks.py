"""Whether the picture can be trusted: what came, what waits, what is in doubt."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import (
    access,
    address,
    commands,
    data,
    elements,
    event_work,
    webhook_numbers,
    webhook_views,
)
from console.freshness import freshness, wrong_now
from console.viewer import viewer

_VIEWS = {
    "waiting": "Waiting",
    "time": "Over time",
    "missed": "Missed",
    "endpoint": "Endpoint, alerts",
}
_SHOW = {
    "waiting": webhook_views.waiting,
    "time": webhook_views.over_time,
    "missed": webhook_views.missed_events,
    "endpoint": webhook_views.endpoint_and_alerts,
}


def page() -> None:
    """Freshness in a sentence, the numbers behind it, and one of the views."""
    principal = access.require(Permission.READ_WEBHOOKS)
    now = data.now()
    with data.snapshot() as connection:
        health = queries.webhook_health(connection, now)
    told = elements.as_of("What Stripe has sent, and what became of it", now, viewer())
    elements.page_heading("Webhooks", told)
    sentence, tone = freshness(health, now, listening=commands.listener_answers())
    elements.notice(sentence, tone)
    wrong = wrong_now(health, now)
    webhook_numbers.show_wrong(wrong, sentence)
    elements.show(webhook_numbers.numbers(health, wrong, now))
    event_work.panel()
    with st.container(horizontal=True, vertical_alignment="center"):
        view = address.hold("view", options=_VIEWS, default="waiting")
        st.segmented_control(
            "View",
            list(_VIEWS),
            format_func=_VIEWS.__getitem__,
            key="view",
            on_change=address.write,
            args=("view", "waiting"),
            label_visibility="collapsed",
        )
        st.button("Refresh", icon=":material/refresh:", key="refresh")
    _SHOW[view](principal, health, now)
