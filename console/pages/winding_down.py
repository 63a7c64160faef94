"""Revenue that is set to leave: who, when, from which plan, for how much, and why."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries import LeavingFilters
from console import access, address, data, elements
from console.leaving_list import leaving_table, leaving_totals
from console.viewer import viewer


def page() -> None:
    """Everybody who is set to end, soonest first, with totals per currency and interval."""
    access.require(Permission.READ_WINDING_DOWN)
    elements.page_heading(
        "Winding down", "Customers who keep access until the date shown, and then leave."
    )
    now = data.now()
    filters = _filters()
    with data.snapshot() as connection:
        found = queries.winding_down(connection, filters, now=now, after=address.position())
    if not found.rows:
        elements.empty(
            "Nobody is set to leave.",
            "Whoever cancels in Stripe's portal appears here until the paid period is over.",
        )
        return
    who = viewer()
    elements.section("Recurring amounts that end", "As the prices state them, before discounts")
    elements.show(leaving_totals(found.totals, who))
    leaving = sum(total.organizations for total in found.totals)
    elements.section(f"{leaving:,} {'organization' if leaving == 1 else 'organizations'}")
    elements.show(leaving_table(found.rows, who))
    address.pages(found.next_cursor)


def _filters() -> LeavingFilters:
    plans = {"": "Every plan"} | {slug: plan.name for slug, plan in data.config().plans.items()}
    address.hold("plan", options=plans)
    plan = st.selectbox(
        "Plan",
        list(plans),
        format_func=plans.__getitem__,
        key="plan",
        on_change=address.write,
        args=("plan",),
        width=220,
    )
    return LeavingFilters(plan=plan or None)
