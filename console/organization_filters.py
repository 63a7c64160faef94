"""The search field and the filters over the list of organizations."""

from collections.abc import Iterable, Mapping

import streamlit as st

from billing_core.queries import Order, OrganizationFilters
from console import address, data, labels, searching

_SHOW = {
    "all": "All",
    "winding_down": "Winding down",
    "past_due": "Past due",
    "unmapped": "Unmapped price",
    "no_customer": "Not in Stripe",
}
_STATUSES = {"": "Any"} | {status: word for status, (word, _) in labels.STATUSES.items()}
_INTERVALS = {"": "Any", "day": "Daily", "week": "Weekly", "month": "Monthly", "year": "Yearly"}
_ORDERS = {
    Order.NEWEST.value: "Newest first",
    Order.OLDEST.value: "Oldest first",
    Order.NAME.value: "By name",
    Order.ENDS.value: "Ends soonest",
}
_NARROWED_BY = ("q", "show", "status", "plan", "interval", "currency")


def controls(sold_in: Iterable[str]) -> tuple[str, OrganizationFilters, Order]:
    """What is searched for, what it is narrowed to, and how it is sorted.

    ``sold_in`` are the currencies to choose from, as Stripe writes them.
    """
    text = _search_field()
    show = _show()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        status = _choice("status", "Status", _STATUSES)
        plan = _choice("plan", "Plan", {"": "Any"} | _plan_names())
        interval = _choice("interval", "Billed", _INTERVALS)
        currency = _choice("currency", "Currency", _currencies(sold_in))
        order = _choice("order", "Order", _ORDERS, default=Order.NEWEST.value)
        if narrowed():
            st.button("Clear filters", on_click=_clear, key="clear_filters", type="tertiary")
    filters = OrganizationFilters(
        status=status or None,
        plan=plan or None,
        interval=interval or None,
        currency=currency or None,
        winding_down=show == "winding_down",
        past_due=show == "past_due",
        unmapped=show == "unmapped",
        no_customer=show == "no_customer",
    )
    return text, filters, Order(order)


def narrowed() -> bool:
    """Whether the address asks for less than everything."""
    return any(name in st.query_params for name in _NARROWED_BY)


def _clear() -> None:
    for name in _NARROWED_BY:
        st.query_params.pop(name, None)
    address.restart()


def _search_field() -> str:
    address.hold("q")
    typed = st.text_input(
        "Search",
        key="q",
        live="300ms",
        icon=":material/search:",
        placeholder="Name, e-mail, or any id: org, customer, subscription, price, event",
        on_change=_search,
    )
    searching.tell(typed or "")
    return typed or ""


def _search() -> None:
    typed = str(st.session_state.get("q") or "")
    wanted = searching.searched(typed)
    if wanted != typed:  # else it would undo what has been typed meanwhile
        st.session_state["q"] = wanted
    address.write("q")


def _show() -> str:
    address.hold("show", options=_SHOW, default="all")
    chosen = st.pills(
        "Show",
        list(_SHOW),
        format_func=_SHOW.__getitem__,
        key="show",
        on_change=address.write,
        args=("show", "all"),
        required=True,
    )
    return chosen or "all"


def _choice(key: str, label: str, options: Mapping[str, str], default: str = "") -> str:
    address.hold(key, options=options, default=default)
    return st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=address.write,
        args=(key, default),
        width=150,
    )


def _plan_names() -> dict[str, str]:
    return {slug: plan.name for slug, plan in data.config().plans.items()}


def _currencies(sold_in: Iterable[str]) -> dict[str, str]:
    """Those that plans are sold in, and the one that the address asks for."""
    asked = st.query_params.get("currency", "")
    known = set(sold_in) | ({asked} if asked.isalpha() and len(asked) == 3 else set())
    return {"": "Any"} | {code: code.upper() for code in sorted(known)}
