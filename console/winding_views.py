"""The views of the page about revenue that leaves, one function each."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries import LeavingFilters
from billing_core.rows import LeavingPage, LeavingRow, RecurringTotal, TotalsGroup
from billing_core.sentences.words import feedback_words
from console import address, data, elements, exporting, spans
from console.breakdown import breakdown
from console.elements import Text
from console.exporting import Export, Field, every_row
from console.leaving_list import leaving_fields, leaving_table
from console.recurring_words import group_fields, group_rows, total_tiles
from console.undone_list import (
    FLOW_FIELDS,
    UNDONE_FIELDS,
    flow_table,
    undone_table,
    undone_tiles,
)
from console.viewer import Viewer
from console.winding_filters import SPANS, VIEWS, in_words, narrowed, since

R = TypeVar("R")
_A_PAGE = 40
_NOBODY_LEAVES = (
    "Nobody is set to leave.",
    "Whoever cancels in Stripe's portal appears here until the paid period is over.",
)
_NOBODY = {
    "leaving": _NOBODY_LEAVES,
    "when": _NOBODY_LEAVES,
    "why": _NOBODY_LEAVES,
    "overdue": (
        "Nobody is overdue.",
        "Whoever's period is over without Stripe having reported the end would be listed here.",
    ),
    "ended": ("Nobody's access ended in this period.", "Choose a longer one, or look at Leaving."),
    "undone": (
        "No cancellation was undone in this period.",
        "Whoever takes a cancellation back in Stripe's portal is listed here.",
    ),
}


def leaving(view: str, filters: LeavingFilters, now: datetime, who: Viewer) -> None:
    """Who is set to leave, soonest first; or only those who are overdue."""
    with data.snapshot() as connection:
        found = queries.winding_down(
            connection, filters, now=now, after=address.position(), limit=_A_PAGE
        )
    read = partial(queries.leaving_rows, filters=filters, now=now, limit=1_000)
    _list(view, found, now, who, lambda connection, after: read(connection, after=after))


def ended(view: str, filters: LeavingFilters, now: datetime, who: Viewer) -> None:
    """Whose access has ended in the period, latest first."""
    began = since(now)
    with data.snapshot() as connection:
        found = queries.ended_since(
            connection, began, filters, now=now, after=address.position(), limit=_A_PAGE
        )
    read = partial(queries.ended_rows, since=began, filters=filters, now=now, limit=1_000)
    _list(view, found, now, who, lambda connection, after: read(connection, after=after))


def undone(view: str, filters: LeavingFilters, now: datetime, who: Viewer) -> None:
    """Whose cancellation was undone in the period, latest first; and how many began and ended."""
    began = since(now)
    by = str(st.session_state["by"])
    periods = spans.past(by, now, who.zone, 6 if by == "month" else 13)
    bounds = [periods[0].since, *(period.before for period in periods)]
    with data.snapshot() as connection:
        rows, cursor = queries.undone_rows(
            connection, began, filters, after=address.position(), limit=_A_PAGE
        )
        summary = queries.undone_summary(connection, began, filters)
        (same_time,) = queries.cancellation_flow(connection, [began, now], filters)
        flow = queries.cancellation_flow(connection, bounds, filters)
    if rows or same_time.begun:
        elements.show(undone_tiles(summary, same_time))
    if not rows:
        _nobody(view)
    else:
        elements.section("Recurring amounts", "of each of these cancellations")
        elements.show(total_tiles(summary.totals, who, "cancellation"))
        read = partial(queries.undone_rows, since=began, filters=filters, limit=1_000)
        export = _export(
            "undone",
            view,
            UNDONE_FIELDS,
            lambda: every_row(lambda connection, after: read(connection, after=after)),
        )
        _heading(_count(summary.undone, "undone cancellation"), export, summary.undone)
        elements.show(undone_table(rows, who))
        address.pages(cursor)
    parts = [(span.label, one) for span, one in zip(periods, flow, strict=True)]
    by_span = _export(f"cancellations-by-{by}", view, FLOW_FIELDS, lambda: parts)
    _heading(f"Cancellations by {by}", by_span)
    elements.show(flow_table(reversed(parts), SPANS[by]))


def by_date(view: str, filters: LeavingFilters, now: datetime, who: Viewer) -> None:
    """How many leave in each of the coming months or weeks, and with how much."""
    by = str(st.session_state["by"])
    ahead = spans.ahead(by, now, who.zone)
    bounds = [now, *(span.before for span in ahead)]
    with data.snapshot() as connection:
        groups = queries.leaving_by_time(connection, filters, bounds, now=now)
    if not groups:
        _nobody(view)
        return
    found = {int(group.key or 0): group for group in groups}
    names = ["Overdue", f"{ahead[0].label}, from now on", *(span.label for span in ahead[1:])]
    names.append(f"Later than {ahead[-1].label[0].lower()}{ahead[-1].label[1:]}")
    listed = [
        (name, found.get(number, TotalsGroup(str(number), 0, ())))
        for number, name in enumerate(names[: max(found) + 1])
        if number in found or number > 0
    ]
    links: dict[str, Text] = {"Overdue": _narrow("Overdue", view="overdue")}
    if by == "month":
        links |= {
            span.label: _narrow(span.label, month=span.month)
            for number, span in enumerate(ahead[1:], start=2)
            if number in found
        }
    label = SPANS[by]
    export = _export(f"leaving-by-{by}", view, group_fields(label), lambda: group_rows(listed))
    _heading(f"Leaving by {by}", export)
    elements.show(breakdown([(links.get(name, name), group) for name, group in listed], who, label))


def by_reason(view: str, filters: LeavingFilters, now: datetime, who: Viewer) -> None:
    """How many leave from each plan and for each reason, and with how much."""
    with data.snapshot() as connection:
        plans = queries.leaving_by_plan(connection, filters, now=now)
        reasons = queries.leaving_by_feedback(connection, filters, now=now)
    if not plans:
        _nobody(view)
        return
    config = data.config()

    def plan_name(slug: str | None) -> str:
        return config.plan_name(slug) or slug or "Unmapped price"

    def reason_name(code: str | None) -> str:
        return feedback_words(code).capitalize() if code else "No reason given"

    def narrowed_to(key: str, group: TotalsGroup, name: str) -> Text:
        value = group.key or ("none" if key == "reason" else None)
        return _narrow(name, **{key: value}) if value else name

    for key, title, groups, named in (
        ("plan", "Plan", plans, plan_name),
        ("reason", "Reason given", reasons, reason_name),
    ):
        listed = [(named(group.key), group) for group in groups]
        export = _export(
            f"leaving-by-{key}", view, group_fields(title), partial(group_rows, listed)
        )
        _heading(f"By {title.lower()}", export)
        shown = [(narrowed_to(key, group, name), group) for name, group in listed]
        elements.show(breakdown(shown, who, title))


SHOWN: dict[str, Callable[[str, LeavingFilters, datetime, Viewer], None]] = {
    "leaving": leaving,
    "when": by_date,
    "why": by_reason,
    "overdue": leaving,
    "undone": undone,
    "ended": ended,
}


def _list(
    view: str,
    found: LeavingPage,
    now: datetime,
    who: Viewer,
    read: Callable[..., tuple[Sequence[LeavingRow], str | None]],
) -> None:
    if not found.rows:
        _nobody(view)
        return
    verb, ends = ("ended", "Ended") if view == "ended" else ("end", "Ends")
    elements.section(f"Recurring amounts that {verb}", "As the prices state them, before discounts")
    elements.show(total_tiles(found.totals, who, "organization"))
    count = _organizations(found.totals)
    export = _export(view, view, leaving_fields(now, who), lambda: every_row(read))
    _heading(_count(count, "organization"), export, count)
    elements.show(leaving_table(found.rows, who, now, ends=ends))
    address.pages(found.next_cursor)


def _export(
    name: str, view: str, fields: tuple[Field[R], ...], rows: Callable[[], Iterable[R]]
) -> Export[R]:
    about = in_words(view)
    return Export(name, VIEWS[view], fields, rows, Permission.READ_WINDING_DOWN, about)


def _organizations(totals: Sequence[RecurringTotal]) -> int:
    return sum(total.organizations for total in totals)


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _heading(title: str, export: Export[R], count: int | None = None) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        elements.section(title)
        exporting.buttons(export, count=count)


def _narrow(text: str, **query: str | None) -> Text:
    """A link to the list that a number counts, under the filters of now."""
    kept = {
        name: value
        for name, value in st.query_params.to_dict().items()
        if name in ("plan", "reason", "currency", "interval", "month")
    }
    return elements.link(text, "/winding-down", **(kept | {k: v for k, v in query.items() if v}))


def _nobody(view: str) -> None:
    if narrowed(view):
        elements.empty("Nobody in this list matches the filters.", "Set one back to Any.")
    else:
        elements.empty(*_NOBODY[view])
