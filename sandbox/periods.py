"""Billing periods on the calendar, in unix seconds (UTC)."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from sandbox.shapes import Json

DAY = 86_400


def period_end(anchor: int, since: int, price: Json) -> int:
    """The first boundary after `since` of the billing cycle that is anchored at `anchor`."""
    interval: str = price["recurring"]["interval"]
    count: int = price["recurring"]["interval_count"]
    if interval in {"day", "week"}:
        length = count * (DAY if interval == "day" else 7 * DAY)
        return anchor + max(0, (since - anchor) // length + 1) * length
    months = count * (12 if interval == "year" else 1)
    passed = max(0, (since - anchor) // (31 * DAY * months))
    end = months_after(anchor, passed * months)
    while end <= since:
        passed += 1
        end = months_after(anchor, passed * months)
    return end


def months_after(moment: int, months: int) -> int:
    """The same day and time `months` later, or the month's last day where that day is missing."""
    then = datetime.fromtimestamp(moment, UTC)
    index = then.year * 12 + then.month - 1 + months
    year, month = divmod(index, 12)
    days = calendar.monthrange(year, month + 1)[1]
    moved = then.replace(year=year, month=month + 1, day=min(then.day, days))
    return int(moved.timestamp())
