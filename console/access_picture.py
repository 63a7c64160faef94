"""A picture of an organization's status, plan and access over time, and the same in words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import streamlit as st
from markupsafe import Markup

from billing_core.entitlement import Entitlement
from billing_core.rows import Change
from console import data, elements
from console.labels import STATUSES
from console.viewer import Viewer

MOST_CHANGES = 1000
_SHORTEST = timedelta(days=1)
# White text can be read on each of these, and each can be told from a light and a dark page.
_COLOURS = {
    "good": "#1f7a4d",
    "info": "#3b5bdb",
    "warn": "#a35c00",
    "bad": "#c2332b",
    "plain": "#667085",
}
# A label is left out where it would not fit on a phone.
_PIXELS, _LETTER = 300, 7


@dataclass(frozen=True, slots=True)
class Segment:
    """How long one of the three stayed as it was."""

    lane: str
    label: str
    tone: str
    start: datetime
    end: datetime


Telling = Callable[[Entitlement], tuple[str, str]]


def _status(state: Entitlement) -> tuple[str, str]:
    if state.has_access and state.ends_at is not None:
        return "Winding down", "warn"
    return STATUSES.get(state.status, (state.status, "warn"))


def _plan(state: Entitlement) -> tuple[str, str]:
    if state.plan is None and state.price_id is not None:
        return "Unmapped price", "warn"
    name = data.config().plan_name(state.plan)
    return (name, "info") if name and state.has_access else (name or "None", "plain")


def _access(state: Entitlement) -> tuple[str, str]:
    return ("Yes", "good") if state.has_access else ("No", "plain")


_LANES: dict[str, Telling] = {"Status": _status, "Plan": _plan, "Access": _access}


def segments(changes: Sequence[Change], until: datetime) -> tuple[Segment, ...]:
    """What stayed the same between changes, as one segment however many changes it lived through.

    ``until`` is where the last ones end.
    """
    return tuple(
        segment for lane, tell in _LANES.items() for segment in _lane(lane, tell, changes, until)
    )


def _lane(
    lane: str, tell: Telling, changes: Sequence[Change], until: datetime
) -> Iterator[Segment]:
    told = {change.at: tell(change.after) for change in changes}  # the last of each moment
    starts: list[tuple[datetime, tuple[str, str]]] = []
    for at, words in told.items():
        if not starts or starts[-1][1] != words:
            starts.append((at, words))
    ends = [at for at, _ in starts[1:]] + [until]
    for (start, (label, tone)), end in zip(starts, ends, strict=True):
        yield Segment(lane, label, tone, start, end)


def access_picture(
    changes: Sequence[Change], who: Viewer, *, now: datetime, marked: datetime | None = None
) -> None:
    """The picture, with ``marked`` (a moment in the past) or the present as a line."""
    if not changes:
        return
    until = max(now, changes[-1].at)
    found = segments(changes, until)
    elements.section("Over time")
    words = [(each, _sentence(each, who, until)) for each in found]
    st.vega_lite_chart(
        _specification(found, marked or until, until),
        width="stretch",
        height=130,
        alt="; ".join(text for _, text in words[:40]),
        key="access_picture",
    )
    elements.show(_in_words(words))
    if len(changes) >= MOST_CHANGES:
        elements.show(elements.quiet(f"The newest {MOST_CHANGES:,} changes."))


# As the times beside it are written; Vega's own are American.
_AXIS = (
    "timeFormat(datum.value, {minutes: '%H:%M', hours: '%H:%M', date: '%-d %b', day: '%-d %b',"
    " week: '%-d %b', month: '%B', quarter: '%B', year: '%Y'})"
)


def _sentence(each: Segment, who: Viewer, until: datetime) -> str:
    end = "now" if each.end == until else who.day(each.end)
    return f"{each.lane}: {each.label}, {who.day(each.start)} to {end}"


def _in_words(words: Sequence[tuple[Segment, str]]) -> Markup:
    lists = [
        Markup("<h4>{}</h4><ul>{}</ul>").format(
            lane,
            elements.NOTHING.join(
                Markup("<li>{}</li>").format(text.removeprefix(f"{lane}: "))
                for each, text in reversed(words)
                if each.lane == lane
            ),
        )
        for lane in _LANES
    ]
    return elements.folded("The same in words", *lists)


def _specification(found: Sequence[Segment], marked: datetime, until: datetime) -> dict[str, Any]:
    start = min(*(each.start for each in found), until - _SHORTEST)
    whole = (until - start).total_seconds()
    x = {
        "field": "start",
        "type": "temporal",
        "scale": {"domain": [_ms(start), _ms(until)]},
        "axis": {
            "title": None,
            "tickCount": 5,
            "labelOverlap": True,
            "labelFlush": 24,
            "labelExpr": _AXIS,
            "grid": False,
        },
    }
    y = {
        "field": "lane",
        "type": "nominal",
        "sort": list(_LANES),
        "axis": {"title": None, "ticks": False, "domain": False},
    }
    tooltip = [
        {"field": "lane", "title": "What"},
        {"field": "label", "title": "Was"},
        {"field": "start", "type": "temporal", "title": "From", "format": "%d %b %Y %H:%M"},
        {"field": "end", "type": "temporal", "title": "To", "format": "%d %b %Y %H:%M"},
    ]
    colour = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    return {
        "data": {"values": [_value(each, whole) for each in found]},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 20, "cornerRadius": 3, "clip": True},
                "encoding": {
                    "x": x,
                    "x2": {"field": "end"},
                    "color": {"field": "tone", "type": "nominal", "scale": colour, "legend": None},
                    "tooltip": tooltip,
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 7, "color": "#ffffff"},
                "encoding": {"x": x, "text": {"field": "shown"}},
            },
            {
                "data": {"values": [{"at": _ms(marked)}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#8a94a8", "size": 2},
                "encoding": {"x": {"field": "at", "type": "temporal"}, "y": None},
            },
        ],
    }


def _value(each: Segment, whole: float) -> dict[str, Any]:
    share = (each.end - each.start).total_seconds() / whole
    fits = share * _PIXELS > len(each.label) * _LETTER + 10
    return {
        "lane": each.lane,
        "label": each.label,
        "shown": each.label if fits else "",
        "tone": each.tone,
        "start": _ms(each.start),
        "end": _ms(each.end),
    }


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
