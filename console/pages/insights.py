"""Portal insights: which destinations are used, and what came of them."""

from datetime import timedelta

import streamlit as st

from billing_core.permissions import Permission
from billing_core.queries.insights import portal_insights
from console import access, address, data, elements
from console.funnels import funnels
from console.insight_table import NOTE, insight_table

_PERIODS = {"30": "Last 30 days", "90": "Last 90 days", "365": "Last year"}


def page() -> None:
    """One line a destination: the evidence for, or against, a screen of one's own."""
    access.require(Permission.READ_INSIGHTS)
    elements.page_heading("Portal insights", "What Stripe's screens are used for.")
    days = address.hold("days", options=_PERIODS, default="30")
    st.selectbox(
        "Period",
        list(_PERIODS),
        format_func=_PERIODS.__getitem__,
        key="days",
        on_change=address.write,
        args=("days", "30"),
        width=220,
    )
    now = data.now()
    with data.snapshot() as connection:
        found = portal_insights(connection, now - timedelta(days=int(days)), now=now)
    if not any(each.opened_now or each.created or each.refusals for each in found):
        elements.empty(
            "No link was made in this period.",
            "Each destination is counted as soon as a link to it is made.",
        )
        return
    if any(each.created for each in found):
        elements.section("From link to change", "Links made in this period, each counted once")
        elements.show(funnels(found))
    elements.section("Every destination")
    elements.show(insight_table(found))
    elements.show(elements.quiet(NOTE))
