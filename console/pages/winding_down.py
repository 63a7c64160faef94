"""Revenue that is set to leave: who, when, from which plan, for how much, and why."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import access, data, elements
from console.viewer import viewer
from console.winding_filters import ABOUT, chosen_view, leaving_filters
from console.winding_views import SHOWN


def page() -> None:
    """Who leaves, who changed their mind and who has left, as the chosen view tells it."""
    access.require(Permission.READ_WINDING_DOWN)
    heading = st.container()
    view = chosen_view()
    with heading:
        elements.page_heading("Winding down", ABOUT[view])
    with data.snapshot() as connection:
        currencies, intervals = queries.currencies_and_intervals(connection)
    who, now = viewer(), data.now()
    filters = leaving_filters(view, currencies, intervals, now, who)
    SHOWN[view](view, filters, now, who)
