"""What a support link counts for, so that insights add up few rows instead of reading every link.

Each measure is a word; ``took:<bucket>`` and ``refused:<code>`` carry a value in it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from billing_core.lags import bucket_of, percentiles
from billing_core.links import DESTINATIONS

CREATED = "created"
OPENED = "opened"
REDEEMED = "redeemed"
RETURNED_UNCHANGED = "returned_unchanged"
OPENED_NOW = "opened_now"
_TOOK = "took:"
_REFUSED = "refused:"
_STEPS = 8
_MADE_AT_ONCE = ("portal_link.mint", "checkout_link.mint")


def day_of(at: datetime) -> datetime:
    """The beginning of the day, in UTC, that ``at`` is in."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def measures_of_link(
    *,
    opened: int,
    returned: int,
    redeemed_at: datetime | None,
    result_at: datetime | None,
) -> Iterator[str]:
    """All that one link counts for; ``result_at`` is when what came of it was known."""
    yield CREATED
    if opened:
        yield OPENED
    if redeemed_at is None:
        return
    yield REDEEMED
    if result_at is not None:
        milliseconds = max(0, int((result_at - redeemed_at).total_seconds() * 1000))
        yield f"{_TOOK}{bucket_of(milliseconds, steps=_STEPS)}"
    elif returned:
        yield RETURNED_UNCHANGED


def measure_of_entry(
    *, action: str, outcome: str, destination: str | None, detail: str | None
) -> str | None:
    """What a line of the audit log counts for, if it counts for anything."""
    if destination not in DESTINATIONS:
        return None
    if outcome == "minted" and action in _MADE_AT_ONCE:
        return OPENED_NOW
    if outcome == "refused" and detail is not None:
        return f"{_REFUSED}{detail}"
    return None


def completions(counted: Mapping[str, int]) -> int:
    """How many links were followed by a change."""
    return sum(_by_bucket(counted).values())


def median_seconds(counted: Mapping[str, int]) -> float | None:
    """From the redemption until the change was known, right to within a twentieth."""
    found = percentiles(_by_bucket(counted), 0.5, steps=_STEPS)
    return found[0] if found is not None else None


def refusals(counted: Mapping[str, int]) -> dict[str, int]:
    """How often by code; a code whose count is nought is left out."""
    return {
        measure.removeprefix(_REFUSED): times
        for measure, times in counted.items()
        if measure.startswith(_REFUSED) and times
    }


def _by_bucket(counted: Mapping[str, int]) -> dict[int, int]:
    return {
        int(measure.removeprefix(_TOOK)): times
        for measure, times in counted.items()
        if measure.startswith(_TOOK)
    }
