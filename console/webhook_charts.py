"""Lag and volume over time, drawn from roll-ups, each with the same told in words and as a table.

The colours keep a contrast of 3 to 1 on the light and on the dark page; lines differ by their
dashes and bars by their order as well.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import streamlit as st
from markupsafe import Markup

from billing_core.lags import Leg
from billing_core.queries.volume import HourOfLags, lag_hours, over
from billing_core.rows import LagHour, OutcomeHour, Percentiles, TypeVolume
from console import elements
from console.elements import Column, Text
from console.labels import OUTCOMES
from console.viewer import Viewer
from console.webhook_numbers import seconds_text

LEGS = {Leg.RECEIVE: "From Stripe to us", Leg.APPLY: "From us to applied"}
_SHARES = ("p50", "p95", "p99")
_SHARE_COLOURS = ("#2E7FD0", "#C46A10", "#B04A9A")
_DASHES = ([1, 0], [6, 3], [2, 2])
_OUTCOME_COLOURS = {
    "applied": "#2F855A",
    "stale": "#2E7FD0",
    "ignored": "#7A8599",
    "parked": "#C5443F",
}
# Where the scale is marked: a logarithm's own round numbers of seconds are none of hours.
_MARKS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400, 864_000, 8_640_000)
_DURATION = (
    "datum.value < 1 ? format(datum.value * 1000, '.0f') + ' ms'"
    " : datum.value < 60 ? format(datum.value, '.0f') + ' s'"
    " : datum.value < 3600 ? format(datum.value / 60, '.0f') + ' min'"
    " : datum.value < 86400 ? format(datum.value / 3600, '.0f') + ' h'"
    " : format(datum.value / 86400, '.0f') + ' d'"
)
_LEGEND = {"orient": "top", "title": None, "symbolType": "stroke", "symbolStrokeWidth": 3}
_LAG_COLUMNS = (
    Column("From"),
    Column("p50", number=True),
    Column("p95", number=True),
    Column("p99", number=True),
    Column("Events", number=True),
)
_TYPE_COLUMNS = (
    Column("Type"),
    Column("Outcome"),
    Column("Events", number=True),
    Column("Deliveries", number=True),
)
_ROWS = 24
_FEW = 48  # more points than that hide their lines
_A_DAY = timedelta(hours=25)  # with the hour that has begun


@dataclass(frozen=True, slots=True)
class Period:
    """The time that charts tell of, and how many hours of it are one point."""

    since: datetime
    until: datetime
    hours: int = 1

    @property
    def span(self) -> str:
        """What one point stands for."""
        return "hour" if self.hours == 1 else f"{self.hours} hours"


def lag_charts(hours: Sequence[HourOfLags], period: Period, who: Viewer) -> None:
    """Both legs over the whole time."""
    by_hour = lag_hours(hours)
    for leg, title in LEGS.items():
        elements.section(title, f"By the {period.span} in which events arrived")
        whole = over(hours, leg)
        if whole is None:
            elements.empty("No event arrived in this time.")
            continue
        points = [(each.hour, _of(each, leg)) for each in by_hour]
        told = [(hour, lag) for hour, lag in points if lag is not None]
        elements.show(elements.quiet(_in_words(whole, told, period, who)))
        spec = lag_spec(told, title, period)
        st.vega_lite_chart(spec, width="stretch", key=f"lag_{leg.value}")
        elements.show(_as_table(title, told, period, who))


def volume_charts(
    hours: Sequence[OutcomeHour], types: Sequence[TypeVolume], period: Period
) -> None:
    """Events by outcome over the whole time, and by type in sum."""
    elements.section("Volume by outcome", f"By the {period.span} in which events arrived")
    if not hours:
        elements.empty("No event arrived in this time.")
        return
    sums: Counter[str] = Counter()
    for each in hours:
        sums[each.outcome] += each.events
    words = ", ".join(f"{sums[name]:,} {_word(name).lower()}" for name in sorted(sums))
    elements.show(elements.quiet(f"{sums.total():,} events: {words}."))
    st.vega_lite_chart(volume_spec(hours, period), width="stretch", key="volume")
    elements.section("Volume by type")
    elements.show(elements.table(_TYPE_COLUMNS, [_type(each) for each in types], "Volume by type"))


def lag_spec(
    told: Iterable[tuple[datetime, Percentiles]], title: str, period: Period
) -> dict[str, Any]:
    """The chart of one leg: three lines on a logarithmic scale of seconds."""
    told = list(told)
    values = [
        {"hour": hour.isoformat(), "share": share, "seconds": max(0.001, getattr(lag, share))}
        for hour, lag in told
        for share in _SHARES
    ]
    marks = _marks([value["seconds"] for value in values])
    scale = {"domain": list(_SHARES), "range": list(_SHARE_COLOURS)}
    dashes = {"domain": list(_SHARES), "range": list(_DASHES)}
    return {
        "description": f"{title}: p50, p95 and p99 by the {period.span}. The table below has the numbers.",
        "data": {"values": values},
        "height": 220,
        "mark": {
            "type": "line",
            "strokeWidth": 2.5,
            "point": len(told) <= _FEW and {"size": 24, "filled": True, "strokeWidth": 0},
        },
        "encoding": {
            "x": _time(period),
            "y": {
                "field": "seconds",
                "type": "quantitative",
                "title": None,
                "scale": {"type": "log", "domain": [marks[0], marks[-1]], "nice": False},
                "axis": {"labelExpr": _DURATION, "values": marks},
            },
            "color": {
                "field": "share",
                "type": "nominal",
                "scale": scale,
                "legend": _LEGEND,
            },
            "strokeDash": {"field": "share", "type": "nominal", "scale": dashes, "legend": _LEGEND},
            "tooltip": [
                {"field": "hour", "type": "temporal", "title": "From", "format": "%d %b %H:%M"},
                {"field": "share", "title": "Share"},
                {"field": "seconds", "title": "Seconds", "format": ",.3~f"},
            ],
        },
    }


def volume_spec(hours: Iterable[OutcomeHour], period: Period) -> dict[str, Any]:
    """The chart of events by outcome: stacked bars, one a span."""
    order = list(_OUTCOME_COLOURS)
    values = [
        {"hour": each.hour.isoformat(), "outcome": _word(each.outcome), "events": each.events}
        for each in hours
    ]
    domain = [_word(name) for name in order]
    return {
        "description": f"Events by outcome, by the {period.span}. The sentence above has the sums.",
        "data": {"values": values},
        "height": 220,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                **_time(period),
                "timeUnit": {"unit": "yearmonthdatehours", "step": period.hours},
            },
            "y": {"field": "events", "type": "quantitative", "title": None, "aggregate": "sum"},
            "color": {
                "field": "outcome",
                "type": "nominal",
                "scale": {"domain": domain, "range": [_OUTCOME_COLOURS[name] for name in order]},
                "legend": {"orient": "top", "title": None},
            },
            "tooltip": [
                {"field": "hour", "type": "temporal", "title": "From", "format": "%d %b %H:%M"},
                {"field": "outcome", "title": "Outcome"},
                {"field": "events", "title": "Events", "aggregate": "sum"},
            ],
        },
    }


def _marks(seconds: Sequence[float]) -> list[float]:
    """The marks of a scale that holds all these, from the one below them to the one above."""
    least, most = min(seconds), max(seconds)
    below = max(at for at, mark in enumerate(_MARKS) if mark <= least or at == 0)
    above = min(at for at, mark in enumerate(_MARKS) if mark > most or at == len(_MARKS) - 1)
    return list(_MARKS[below : above + 1])


def _time(period: Period) -> dict[str, Any]:
    return {
        "field": "hour",
        "type": "temporal",
        "title": None,
        "scale": {"domain": [period.since.isoformat(), period.until.isoformat()]},
        "axis": {
            "labelOverlap": True,
            "grid": False,
            "tickCount": 8,
            "format": "%H:%M" if period.until - period.since <= _A_DAY else "%d %b",
        },
    }


def _of(each: LagHour, leg: Leg) -> Percentiles | None:
    return each.receive if leg is Leg.RECEIVE else each.apply


def _in_words(
    whole: Percentiles,
    told: Sequence[tuple[datetime, Percentiles]],
    period: Period,
    who: Viewer,
) -> Markup:
    worst_at, worst = max(told, key=lambda each: each[1].p95)
    return Markup(
        "{} events: half within {}, 95 % within {}, 99 % within {}. The slowest {} began on {}"
        " (p95 {})."
    ).format(
        f"{whole.samples:,}",
        seconds_text(whole.p50),
        seconds_text(whole.p95),
        seconds_text(whole.p99),
        period.span,
        elements.time(worst_at, who),
        seconds_text(worst.p95),
    )


def _as_table(
    title: str, told: Sequence[tuple[datetime, Percentiles]], period: Period, who: Viewer
) -> Markup:
    rows = [
        (
            elements.time(hour, who),
            *(seconds_text(getattr(lag, share)) for share in _SHARES),
            f"{lag.samples:,}",
        )
        for hour, lag in reversed(told[-_ROWS:])
    ]
    many = f"{len(rows)} {'hours' if period.hours == 1 else f'spans of {period.span}'}"
    summary = f"As a table: the newest {period.span if len(rows) == 1 else many} with events"
    return Markup('<details class="bc-more"><summary>{}</summary>{}</details>').format(
        summary, elements.table(_LAG_COLUMNS, rows, title)
    )


def _type(each: TypeVolume) -> tuple[Text, ...]:
    return (
        elements.code(each.type),
        _word(each.outcome),
        f"{each.events:,}",
        f"{each.deliveries:,}",
    )


def _word(outcome: str) -> str:
    return OUTCOMES.get(outcome, (outcome.capitalize(), ""))[0]
