"""The search field and the filters over the list of organizations."""

from collections.abc import Mapping

import streamlit as st

from billing_core.queries import Order, OrganizationFilters
from console import address, data, labels

_SHOW = {
    "all": "All",
    "winding_down": "Winding down",
    "past_due": "Past due",
    "unmapped": "Unmapped price",
    "no_customer": "Not in Stripe",
}
_STATUSES = {"": "Any"} | {status: word for status, (word, _) in labels.STATUSES.items()}
_ORDERS = {Order.NEWEST.value: "Newest first", Order.NAME.value: "By name"}


def controls() -> tuple[str, OrganizationFilters, Order]:
    """What is searched for, what it is narrowed to, and how it is sorted."""
    address.hold("q")
    text = st.text_input(
        "Search",
        key="q",
        max_chars=200,
        live="300ms",
        icon=":material/search:",
        placeholder="Name, e-mail, or any id: org, customer, subscription, price, event",
        on_change=address.write,
        args=("q",),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        address.hold("show", options=_SHOW, default="all")
        show = st.pills(
            "Show",
            list(_SHOW),
            format_func=_SHOW.__getitem__,
            key="show",
            on_change=address.write,
            args=("show", "all"),
            required=True,
        )
        status = _choice("status", "Status", _STATUSES)
        plan = _choice("plan", "Plan", {"": "Any"} | _plan_names())
        order = _choice("order", "Order", _ORDERS, default=Order.NEWEST.value)
    filters = OrganizationFilters(
        status=status or None,
        plan=plan or None,
        winding_down=show == "winding_down",
        past_due=show == "past_due",
        unmapped=show == "unmapped",
        no_customer=show == "no_customer",
    )
    return text or "", filters, Order(order)


def _choice(key: str, label: str, options: Mapping[str, str], default: str = "") -> str:
    address.hold(key, options=options, default=default)
    return st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=address.write,
        args=(key, default),
        width=160,
    )


def _plan_names() -> dict[str, str]:
    return {slug: plan.name for slug, plan in data.config().plans.items()}
