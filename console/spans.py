"""Months and weeks in the viewer's zone: where they begin and what they are called."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

from babel.dates import format_date

_MONTHS = 12
_WEEKS = 13


@dataclass(frozen=True, slots=True)
class Span:
    """A month or a week: its name, when it begins and when the next one does."""

    label: str
    since: datetime
    before: datetime

    @property
    def month(self) -> str:
        """The month as an address names it: "2026-08"."""
        return f"{self.since:%Y-%m}"


def ahead(by: str, now: datetime, zone: tzinfo) -> list[Span]:
    """The present month and the next twelve; or the present week and the next thirteen."""
    return _spans(by, now, zone, 0, _MONTHS if by == "month" else _WEEKS)


def past(by: str, now: datetime, zone: tzinfo, count: int) -> list[Span]:
    """The last ``count`` months or weeks, the present one the last of them."""
    return _spans(by, now, zone, 1 - count, 0)


def _spans(by: str, now: datetime, zone: tzinfo, first: int, last: int) -> list[Span]:
    start = _month_start if by == "month" else _week_start
    name = _month_name if by == "month" else _week_name
    starts = [start(now.astimezone(zone), step) for step in range(first, last + 2)]
    return [Span(name(since), since, before) for since, before in pairwise(starts)]


def _month_start(here: datetime, step: int) -> datetime:
    year, month = divmod(here.year * 12 + here.month - 1 + step, 12)
    return datetime(year, month + 1, 1, tzinfo=here.tzinfo)


def _week_start(here: datetime, step: int) -> datetime:
    """Monday, as ISO 8601 has it; wall-clock time, so that a change of the clock moves nothing."""
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=7 * step - here.weekday())


def _month_name(since: datetime) -> str:
    return format_date(since.date(), "MMMM y", locale="en")


def _week_name(since: datetime) -> str:
    return f"Week of {format_date(since.date(), 'd MMMM y', locale='en')}"
