"""Whoever looks: their time zone and the way their country writes amounts."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from babel import Locale, UnknownLocaleError

from billing_core import dates
from billing_core.dates import long_date

lasting = dates.lasting


@dataclass(frozen=True, slots=True)
class Viewer:
    """How to write times and amounts for one person."""

    zone: tzinfo
    locale: str

    def day(self, at: datetime) -> str:
        """The day in the viewer's zone: "14 August 2026"."""
        return long_date(at, self.zone)

    def moment(self, at: datetime) -> str:
        """Day and time in the viewer's zone: "14 August 2026, 09:30"."""
        return f"{self.day(at)}, {self.clock(at)}"

    def clock(self, at: datetime) -> str:
        """The time of day in the viewer's zone: "09:30"."""
        return f"{at.astimezone(self.zone):%H:%M}"


def viewer() -> Viewer:
    """Whoever looks at this page, as their browser says; UTC and English where it says nothing."""
    return Viewer(zone=_zone(st.context.timezone), locale=_locale(st.context.locale))


def exact_utc(at: datetime) -> str:
    """The exact time in UTC: "2026-08-14 09:30:07 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, roughly: "4 seconds ago", "2 hours ago"."""
    return f"{lasting((now - at).total_seconds())} ago"


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _locale(tag: str | None) -> str:
    try:
        return str(Locale.parse((tag or "en").replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        return "en"
