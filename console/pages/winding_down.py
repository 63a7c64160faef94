"""Revenue that is set to leave: who, when, from which plan, for how much, and why."""

import streamlit as st
from markupsafe import Markup

from billing_core import queries
from billing_core.money import money, period
from billing_core.permissions import Permission
from billing_core.queries import LeavingFilters
from billing_core.rows import LeavingRow, RecurringTotal
from billing_core.sentences.words import feedback_words
from console import access, data, elements, labels, paging
from console.elements import Column, Text
from console.viewer import Viewer, viewer

_COLUMNS = (
    Column("Organization"),
    Column("Ends"),
    Column("Plan"),
    Column("Seats", number=True),
    Column("Amount", number=True),
    Column("Why"),
)


def page() -> None:
    """Everybody who is set to end, soonest first, with totals per currency and interval."""
    access.require(Permission.READ_WINDING_DOWN)
    elements.page_heading(
        "Winding down", "Customers who keep access until the date shown, and then leave."
    )
    now = data.now()
    filters = _filters()
    with data.snapshot() as connection:
        found = queries.winding_down(connection, filters, now=now, after=paging.position())
    if not found.rows:
        elements.empty(
            "Nobody is set to leave.",
            "Whoever cancels in Stripe's portal appears here until the paid period is over.",
        )
        return
    who = viewer()
    elements.section("Recurring amounts that end", "As the prices state them, before discounts")
    elements.show(elements.tiles(_total(total, who) for total in found.totals))
    leaving = sum(total.organizations for total in found.totals)
    elements.section(f"{leaving:,} {'organization' if leaving == 1 else 'organizations'}")
    elements.show(elements.table(_COLUMNS, [_row(row, who) for row in found.rows], "Winding down"))
    paging.controls(found.next_cursor)


def _filters() -> LeavingFilters:
    plans = data.config().plans
    plan = st.selectbox(
        "Plan",
        [None, *plans],
        format_func=lambda slug: data.config().plan_name(slug) or "Every plan",
        key="leaving_plan",
        on_change=paging.restart,
        width=220,
    )
    return LeavingFilters(plan=plan)


def _total(total: RecurringTotal, who: Viewer) -> tuple[Text, str, str, Text]:
    if total.currency is None:
        amount = "No amount"
    else:
        amount = money(total.amount, total.currency, locale=who.locale)
    noun = "organization" if total.organizations == 1 else "organizations"
    below = f"{total.organizations} {noun}"
    if total.without_amount:
        below += f", {total.without_amount} priced by tiers and not included"
    return amount, period(total.interval, total.interval_count) or "once", "plain", below


def _row(row: LeavingRow, who: Viewer) -> tuple[Text, ...]:
    overdue = elements.badge("Overdue: no end reported", "bad") if row.overdue else None
    asked = elements.time(row.asked_at, who, clock=False) if row.asked_at else None
    return (
        elements.lines(
            elements.organization_link(row.org_id, row.name),
            elements.quiet(elements.untrusted(row.email)) if row.email else None,
        ),
        elements.lines(
            elements.time(row.ends_at, who, clock=False),
            elements.quiet(Markup("asked for {}").format(asked)) if asked else None,
            overdue,
        ),
        labels.plan_text(row.plan_name, unmapped=row.plan is None),
        str(row.quantity) if row.quantity is not None else elements.DASH,
        labels.amount_text(
            row.unit_amount, row.currency, row.interval, row.quantity, row.interval_count, who
        ),
        _why(row),
    )


def _why(row: LeavingRow) -> Text:
    comment = elements.untrusted(row.comment) if row.comment else None
    told = elements.lines(feedback_words(row.feedback) if row.feedback else None, comment)
    return told or elements.DASH
