"""Dates and lengths of time in words."""

from datetime import UTC, datetime, tzinfo

from babel.dates import format_date


def long_date(at: datetime, zone: tzinfo = UTC, locale: str = "en") -> str:
    """The day of ``at`` in ``zone``: "14 August 2026"."""
    style = "d MMMM y" if locale.startswith("en") else "long"
    return format_date(at.astimezone(zone).date(), style, locale=locale)


def lasting(seconds: float) -> str:
    """A length of time in its largest unit: "4 seconds", "2 hours"."""
    seconds = max(seconds, 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (unit == "minute" and seconds >= length):
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    count = int(seconds)
    if count < 1:
        return "less than a second"
    return f"{count} second{'' if count == 1 else 's'}"
