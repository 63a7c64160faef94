"""What the lists of those who leave are narrowed to, all of it in the page's address."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

import streamlit as st

from billing_core.queries import LeavingFilters
from billing_core.sentences.words import feedback_words
from console import address, data
from console.viewer import Viewer

VIEWS = {
    "leaving": "Leaving",
    "when": "By date",
    "why": "By plan and reason",
    "overdue": "Overdue",
    "undone": "Undone",
    "ended": "Ended",
}
ABOUT = {
    "leaving": "Customers who keep access until the date shown, and then leave.",
    "when": "How many customers leave when, and with how much.",
    "why": "From which plans customers leave, and for which reasons.",
    "overdue": "Customers whose end was due, and of whom Stripe has not reported it.",
    "undone": "Customers who took their cancellation back, and what became of them.",
    "ended": "Customers whose access has ended.",
}
SPANS = {"month": "Month", "week": "Week"}
PERIODS = {
    "7": "Last 7 days",
    "30": "Last 30 days",
    "90": "Last 90 days",
    "365": "Last 365 days",
}
_DEFAULT_PERIOD = "90"
_NARROWING = ("plan", "reason", "currency", "interval")
_OF_A_PERIOD = ("undone", "ended")
_BY_END = ("leaving", "why")
_SOON = {"soon": "Next 7 days"}
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


def chosen_view() -> str:
    """Which of the lists is looked at, chosen above all filters."""
    address.hold("view", options=VIEWS, default="leaving")
    st.segmented_control(
        "View",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        key="view",
        required=True,
        on_change=address.write,
        args=("view", "leaving"),
        label_visibility="collapsed",
    )
    return str(st.session_state["view"])


def leaving_filters(
    view: str,
    currencies: tuple[str, ...],
    intervals: tuple[str, ...],
    now: datetime,
    who: Viewer,
) -> LeavingFilters:
    """Controls for what this view can be narrowed to, and what they say."""
    plans = {slug: plan.name for slug, plan in data.config().plans.items()}
    reasons = {code: feedback_words(code).capitalize() for code in _FEEDBACK}
    month = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if view in ("when", "undone"):
            _choice("by", "By", SPANS, default="month")
        if view in _OF_A_PERIOD:
            _choice("period", "Period", PERIODS, default=_DEFAULT_PERIOD)
        plan = _choice("plan", "Plan", {"": "Any", **plans})
        reason = _choice(
            "reason", "Reason given", {"": "Any", "none": "No reason given", **reasons}
        )
        currency = _choice(
            "currency", "Currency", {"": "Any", **{code: code.upper() for code in currencies}}
        )
        interval = _choice(
            "interval", "Billed", {"": "Any", **{i: _INTERVALS.get(i, i) for i in intervals}}
        )
        if view in _BY_END:
            ahead = {"": "Any", **_SOON, **months(now, who.zone)}
            month = _choice("month", "Ends in", ahead)
    begin, end = _bounds(month, now, who.zone) if month else (None, None)
    return LeavingFilters(
        plan=plan or None,
        feedback="" if reason == "none" else reason or None,
        currency=currency or None,
        interval=interval or None,
        ends_from=begin,
        ends_before=end,
        overdue=True if view == "overdue" else None,
    )


def since(now: datetime) -> datetime:
    """When the chosen period began."""
    return now - timedelta(days=int(st.session_state["period"]))


def narrowed(view: str) -> bool:
    """Whether a control of this view, once they are shown, narrows its list."""
    return any(st.session_state[name] for name in _narrowing(view))


def in_words(view: str) -> str:
    """The view and what it is narrowed to, for a file to say."""
    names: dict[str, Mapping[str, str]] = {
        "period": PERIODS,
        "plan": {slug: plan.name for slug, plan in data.config().plans.items()},
        "reason": {code: feedback_words(code) for code in _FEEDBACK},
        "month": _SOON,
    }
    period = ("period",) if view in _OF_A_PERIOD else ()
    told = [
        f"{name.capitalize()}: {names.get(name, {}).get(value, value)}."
        for name in (*period, *_narrowing(view))
        if (value := st.session_state[name])
    ]
    return " ".join([f"{VIEWS[view]}.", *told])


def _narrowing(view: str) -> tuple[str, ...]:
    """What this view can be narrowed by; the address may hold what another view was."""
    return (*_NARROWING, "month") if view in _BY_END else _NARROWING


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


def _bounds(span: str, now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    return (now, now + timedelta(days=7)) if span in _SOON else month_bounds(span, zone)


def _choice(key: str, label: str, options: Mapping[str, str], *, default: str = "") -> str:
    address.hold(key, options=options, default=default)
    chosen = st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        on_change=address.write,
        args=(key, default),
        width=170,
    )
    return chosen or default
