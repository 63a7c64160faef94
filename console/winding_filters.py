"""What the list of those who leave is narrowed to, all of it in the page's address."""

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo

import streamlit as st

from billing_core.queries import LeavingFilters
from billing_core.rows import RecurringTotal
from billing_core.sentences.words import feedback_words
from console import address, data
from console.viewer import Viewer

_INTERVALS = {"day": "Daily", "week": "Weekly", "month": "Monthly", "year": "Yearly"}
# What Stripe's portal asks: https://docs.stripe.com/api/subscriptions/object, cancellation_details.
_FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_MONTHS_AHEAD = 12


def leaving_filters(everybody: Iterable[RecurringTotal], who: Viewer) -> LeavingFilters:
    """Controls for what occurs among ``everybody`` who leaves, and what they say."""
    totals = list(everybody)
    currencies = sorted({total.currency for total in totals if total.currency})
    intervals = sorted({total.interval for total in totals if total.interval})
    plans = {slug: plan.name for slug, plan in data.config().plans.items()}
    reasons = {code: feedback_words(code).capitalize() for code in _FEEDBACK}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        plan = _choice("plan", "Plan", plans)
        reason = _choice("reason", "Reason given", {"none": "No reason given"} | reasons)
        currency = _choice("currency", "Currency", {code: code.upper() for code in currencies})
        interval = _choice("interval", "Billed", {i: _INTERVALS.get(i, i) for i in intervals})
        month = _choice("month", "Ends in", months(data.now(), who.zone))
    begin, end = month_bounds(month, who.zone) if month else (None, None)
    return LeavingFilters(
        plan=plan,
        feedback="" if reason == "none" else reason,
        currency=currency,
        interval=interval,
        ends_from=begin,
        ends_before=end,
    )


def months(now: datetime, zone: tzinfo) -> dict[str, str]:
    """Last month, the present one and the next twelve: "2026-08" to "August 2026"."""
    here = now.astimezone(zone)
    first = here.year * 12 + here.month - 1
    steps = (divmod(first + ahead, 12) for ahead in range(-1, _MONTHS_AHEAD + 1))
    days = [datetime(year, month + 1, 1, tzinfo=zone) for year, month in steps]
    return {f"{day:%Y-%m}": f"{day:%B %Y}" for day in days}


def month_bounds(month: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """When "2026-08" begins and when the next month does, in ``zone``."""
    year, number = (int(part) for part in month.split("-"))
    following = (year + number // 12, number % 12 + 1)
    return datetime(year, number, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)


def _choice(key: str, label: str, options: Mapping[str, str]) -> str | None:
    every = {"": "Any", **options}
    address.hold(key, options=every)
    chosen = st.selectbox(
        label,
        list(every),
        format_func=every.__getitem__,
        key=key,
        on_change=address.write,
        args=(key,),
        width=170,
    )
    return chosen or None
