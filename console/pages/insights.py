"""Portal insights: which destinations are used, and what came of them."""

from datetime import timedelta

import streamlit as st

from billing_core.permissions import Permission
from billing_core.queries.insights import portal_insights
from billing_core.rows.links import DestinationInsight
from console import access, address, data, elements
from console.elements import Column, Text
from console.viewer import lasting

_PERIODS = {"30": "Last 30 days", "90": "Last 90 days", "365": "Last year"}
_COLUMNS = (
    Column("Destination"),
    Column("Opened now", number=True),
    Column("Links created", number=True),
    Column("Redeemed", number=True),
    Column("Completed", number=True),
    Column("No change", number=True),
    Column("Median time"),
    Column("Top refusals"),
)


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
    elements.show(elements.table(_COLUMNS, [_row(each) for each in found], "Destinations"))
    elements.show(
        elements.quiet(
            "Completed: a change followed within a day of the link's last use. No change: none did."
            " Median time: from the use of the link until the change was known here."
        )
    )


def _row(each: DestinationInsight) -> tuple[Text, ...]:
    waiting = f"{each.undecided:,} not a day old" if each.undecided else ""
    median = lasting(each.median_seconds) if each.median_seconds is not None else elements.DASH
    refusals = [f"{one.code.replace('_', ' ')} ({one.times:,})" for one in each.refusals]
    return (
        each.destination,
        f"{each.opened_now:,}",
        f"{each.created:,}",
        f"{each.redeemed:,}",
        elements.lines(f"{each.completed:,}", elements.quiet(waiting) if waiting else None),
        f"{each.unchanged:,}",
        median,
        elements.lines(*refusals) if refusals else elements.DASH,
    )
