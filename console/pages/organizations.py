"""All organizations, searched and filtered."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries import Order, OrganizationFilters
from billing_core.rows import OrganizationRow
from console import access, data, elements, labels, paging
from console.elements import Column
from console.viewer import Viewer, viewer

_SHOW = {
    "all": "All",
    "winding_down": "Winding down",
    "past_due": "Past due",
    "unmapped": "Unmapped price",
    "no_customer": "Not in Stripe",
}
_ORDERS = {Order.NEWEST.value: "Newest first", Order.NAME.value: "By name"}
_COLUMNS = (
    Column("Organization"),
    Column("Status"),
    Column("Plan"),
    Column("Seats", number=True),
    Column("Amount", number=True),
    Column("Ends"),
)


def page() -> None:
    """A search field for whatever is at hand, a few filters, and one page of what matches."""
    access.require(Permission.READ_ORGANIZATIONS)
    elements.page_heading("Organizations")
    text, filters, order = _controls()
    with data.snapshot() as connection:
        found = queries.search_organizations(
            connection, text, filters, order=order, after=paging.position()
        )
    noun = "organization" if found.count.value == 1 else "organizations"
    elements.section(f"{found.count} {noun}")
    if not found.rows:
        elements.empty(
            "Nothing matches.",
            "Try part of the name or e-mail address, or paste an id: organization, customer,"
            " subscription, price, event.",
        )
    else:
        who = viewer()
        rows = [_row(row, who) for row in found.rows]
        elements.show(elements.table(_COLUMNS, rows, "Organizations"))
    paging.controls(found.next_cursor)


def _controls() -> tuple[str, OrganizationFilters, Order]:
    text = st.text_input(
        "Search",
        key="q",
        bind="query-params",
        max_chars=200,
        live="300ms",
        icon=":material/search:",
        placeholder="Name, e-mail, or any id: org, customer, subscription, price, event",
        on_change=paging.restart,
    )
    plans = data.config().plans
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.pills(
            "Show",
            list(_SHOW),
            format_func=_SHOW.__getitem__,
            default="all",
            key="show",
            bind="query-params",
            on_change=paging.restart,
            required=True,
        )
        status = st.selectbox(
            "Status",
            [None, *labels.STATUSES],
            format_func=_status_word,
            key="status",
            bind="query-params",
            on_change=paging.restart,
            width=190,
        )
        plan = st.selectbox(
            "Plan",
            [None, *plans],
            format_func=_plan_word,
            key="plan",
            bind="query-params",
            on_change=paging.restart,
            width=160,
        )
        order = st.selectbox(
            "Order",
            list(_ORDERS),
            format_func=_ORDERS.__getitem__,
            key="order",
            bind="query-params",
            on_change=paging.restart,
            width=160,
        )
    filters = OrganizationFilters(
        status=status,
        plan=plan,
        winding_down=show == "winding_down",
        past_due=show == "past_due",
        unmapped=show == "unmapped",
        no_customer=show == "no_customer",
    )
    return text or "", filters, Order(order)


def _status_word(status: str | None) -> str:
    return labels.STATUSES[status][0] if status else "Any"


def _plan_word(plan: str | None) -> str:
    return data.config().plan_name(plan) or "Any"


def _row(row: OrganizationRow, who: Viewer) -> tuple[elements.Text, ...]:
    email = elements.quiet(elements.untrusted(row.email)) if row.email else None
    return (
        elements.lines(
            elements.organization_link(row.org_id, row.name),
            email,
            elements.quiet(elements.untrusted(row.org_id)),
        ),
        labels.status_badge(row.status, winding_down=row.ends_at is not None),
        labels.plan_text(row.plan_name, unmapped=row.unmapped),
        str(row.quantity) if row.quantity is not None else elements.DASH,
        labels.amount_text(row.unit_amount, row.currency, row.interval, 1, row.interval_count, who),
        elements.time(row.ends_at, who, clock=False),
    )
