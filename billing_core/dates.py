"""Dates in words."""

from datetime import UTC, datetime, tzinfo

from babel.dates import format_date


def long_date(at: datetime, zone: tzinfo = UTC, locale: str = "en") -> str:
    """The day of ``at`` in ``zone``: "14 August 2026"."""
    style = "d MMMM y" if locale.startswith("en") else "long"
    return format_date(at.astimezone(zone).date(), style, locale=locale)
