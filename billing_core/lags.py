"""Lags as histograms: fixed buckets that add up over hours and events, and percentiles read off them.

A bucket is a small whole number: bucket ``n`` holds what took up to ``2 ** (n / steps)`` milliseconds
and longer than bucket ``n - 1`` holds. With two steps, as events' lags are kept, a percentile is right
to within a fifth; with eight to within a twentieth.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

LONGEST = 32  # the power of two of the most milliseconds, which are fifty days
# Stripe tries for three days: https://docs.stripe.com/webhooks#retries
_TRIES_MS = 3 * 24 * 3600 * 1000 + 3600 * 1000


class Leg(StrEnum):
    """Where time is spent: from Stripe to us, and from us until an event is applied."""

    RECEIVE = "receive"
    APPLY = "apply"


def bucket_of(milliseconds: int, *, steps: int = 2) -> int:
    """The bucket that a lag of so many milliseconds falls into."""
    if milliseconds <= 1:
        return 0
    return min(LONGEST * steps, math.ceil(steps * math.log2(milliseconds)))


def legs_of(
    type_: str, created: datetime, received_at: datetime, applied_at: datetime | None
) -> dict[Leg, int]:
    """The lags that an event counts for, in milliseconds, never below zero: clocks differ.

    What we asked Stripe for was not sent by it, what is older than Stripe tries was sent anew by
    hand, and what was set aside on receipt was never applied: such events leave out that leg.
    """
    legs = {}
    on_its_way = _milliseconds(created, received_at)
    if not type_.startswith("snapshot.") and on_its_way <= _TRIES_MS:
        legs[Leg.RECEIVE] = on_its_way
    if applied_at is not None and applied_at != received_at:
        legs[Leg.APPLY] = _milliseconds(received_at, applied_at)
    return legs


def percentiles(
    histogram: Mapping[int, int], *shares: float, steps: int = 2
) -> tuple[float, ...] | None:
    """How many seconds each share (0 to 1, ascending) of what ``histogram`` counts took at most.

    None where it counts nothing.
    """
    counted = sorted((bucket, events) for bucket, events in histogram.items() if events > 0)
    if not counted:
        return None
    total = sum(events for _, events in counted)
    found = []
    below = position = 0
    for share in shares:
        while below + counted[position][1] < share * total:
            below += counted[position][1]
            position += 1
        bucket, events = counted[position]
        inside = (share * total - below) / events
        found.append(_bound((bucket - 1 + inside) / steps) if bucket else _bound(0) * inside)
    return tuple(found)


def _bound(power: float) -> float:
    return float(2**power) / 1000


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds() * 1000))
