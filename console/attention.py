"""The overview's numbers: each leads to the list that it counts, and shows where it comes from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from billing_core.permissions import Permission
from billing_core.rows import CancellationFlow, Count, Overview, Trends
from console import elements
from console.elements import Text
from console.identity import Principal

LATELY = timedelta(days=30)
_LIST = "/organizations"
_FINANCE = "/winding-down"
_OPS = "/webhooks"
_BAR = 0.8  # of the room that a day has in a sparkline
_LOWEST = 0.04  # a day of nothing is still seen as a day


@dataclass(frozen=True, slots=True)
class Tile:
    """A number to notice. ``tone`` is how it looks while it is not zero.

    ``trend`` has a number for each of the last days, the present one last; ``counted`` says what
    those numbers are, for whoever cannot see the picture.
    """

    count: Count
    label: str
    below: str
    tone: str = "plain"
    path: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    trend: Sequence[int] = ()
    counted: str = "at the end of the day"


@dataclass(frozen=True, slots=True)
class Group:
    """What one job has to look at."""

    title: str
    note: str
    tiles: tuple[Tile, ...]


def groups(
    counts: Overview, trends: Trends, lately: CancellationFlow, principal: Principal
) -> list[Group]:
    """What this person's roles have to look at; everybody else's job is left out.

    ``lately`` is what was cancelled and undone in the time ``LATELY``.
    """
    found = []
    if principal.may(Permission.MINT_LINKS):
        found.append(Group("Customers to help", "for support", _support(counts, trends)))
    if principal.may(Permission.READ_WINDING_DOWN):
        found.append(Group("Revenue that leaves", "for finance", _finance(counts, trends, lately)))
    if principal.may(Permission.READ_WEBHOOKS):
        found.append(Group("Whether this can be trusted", "for operations", _ops(counts, trends)))
    return found


def state(counts: Overview, trends: Trends) -> tuple[Tile, ...]:
    """How many organizations there are, and in which state."""
    return (
        Tile(counts.organizations, "All", "With and without a plan", path=_LIST),
        Tile(counts.with_access, "With access", "Right now", trend=trends.access),
        _status(counts.trialing, "In trial", "Have access", "trialing", trends.trialing),
        _status(counts.paused, "Paused", "No access", "paused", trends.paused),
    )


def show(tiles: Iterable[Tile]) -> Markup:
    """The tiles side by side."""
    return Markup('<div class="bc-tiles">{}</div>').format(
        elements.NOTHING.join(_tile(tile) for tile in tiles)
    )


def _support(counts: Overview, trends: Trends) -> tuple[Tile, ...]:
    claims = counts.conflicting_claims
    return (
        Tile(
            counts.past_due,
            "Past due",
            "Stripe is retrying",
            "warn",
            _LIST,
            (("show", "past_due"),),
            trends.past_due,
        ),
        _status(counts.unpaid, "Unpaid", "Stripe has given up", "unpaid", trends.unpaid, "bad"),
        _status(
            counts.incomplete,
            "Awaiting payment",
            "The first one",
            "incomplete",
            trends.incomplete,
            "warn",
        ),
        Tile(
            counts.winding_down,
            "Winding down",
            "Set to end",
            "warn",
            _LIST,
            (("show", "winding_down"),),
            trends.winding_down,
        ),
        Tile(claims, "Conflicting claims", "Two customers, one organization", "bad"),
    )


def _finance(counts: Overview, trends: Trends, lately: CancellationFlow) -> tuple[Tile, ...]:
    return (
        Tile(
            counts.leaving_soon,
            "Leaving soon",
            "Within seven days",
            "warn",
            _FINANCE,
            (("month", "soon"),),
        ),
        Tile(
            counts.winding_down,
            "Winding down",
            "Set to end, at any time",
            "plain",
            _FINANCE,
            trend=trends.winding_down,
        ),
        Tile(
            counts.overdue,
            "Overdue",
            "Period over, no end reported",
            "bad",
            _FINANCE,
            (("view", "overdue"),),
        ),
        Tile(
            counts.undone_lately,
            "Cancellations undone",
            "In the last seven days",
            "good",
            _FINANCE,
            (("view", "undone"), ("period", "7")),
            trends.undone,
            "a day",
        ),
        Tile(
            Count(lately.begun),
            "Cancellations begun",
            "In the last thirty days",
            "plain",
            _FINANCE,
            (("view", "undone"), ("period", str(LATELY.days))),
            trends.begun,
            "a day",
        ),
    )


def _ops(counts: Overview, trends: Trends) -> tuple[Tile, ...]:
    return (
        Tile(counts.parked, "Parked events", "Wait for a person", "bad", _OPS),
        Tile(counts.backlog, "Backlog", "Stored, not applied yet", "plain", _OPS),
        Tile(
            counts.drift_lately,
            "Drift",
            "Found in the last seven days",
            "warn",
            _OPS,
            (("view", "missed"),),
        ),
        Tile(
            counts.unmapped,
            "Unmapped price",
            "Named by no plan",
            "warn",
            _LIST,
            (("show", "unmapped"),),
            trends.unmapped,
        ),
        Tile(
            Count(trends.events[-1], capped=False),
            "Events today",
            "From Stripe, since midnight UTC",
            "plain",
            _OPS,
            (("view", "time"),),
            trends.events,
            counted="a day",
        ),
    )


def _status(
    count: Count, label: str, below: str, status: str, trend: Sequence[int], tone: str = "plain"
) -> Tile:
    return Tile(count, label, below, tone, _LIST, (("status", status),), trend)


def _tile(tile: Tile) -> Markup:
    number: Text = str(tile.count)
    if tile.path is not None:
        number = elements.link(number, tile.path, **dict(tile.query))
    return Markup(
        '<div class="bc-tile bc-{}"><div class="bc-value">{}</div>'
        '<div class="bc-label">{}</div><div class="bc-quiet">{}</div>{}</div>'
    ).format(
        tile.tone if tile.count.value else "plain",
        number,
        tile.label,
        tile.below,
        _sparkline(tile.trend, tile.counted) if any(tile.trend) else "",
    )


def _sparkline(trend: Sequence[int], counted: str) -> Markup:
    """A bar a day; the words below say its beginning, its highest and its end."""
    highest = max(trend)
    last = f"{100 * (len(trend) - 1) / len(trend):.1f}%"
    bars = Markup('<i style="--last:{};clip-path:polygon({})"></i>').format(
        last, _bars([max(each, 0) / highest for each in trend])
    )
    words = (
        f"The last {len(trend)} days, {counted}: from {trend[0]:,} to {trend[-1]:,},"
        f" at most {highest:,}."
    )
    return Markup('<div class="bc-spark" role="img" aria-label="{}" title="{}">{}</div>').format(
        words, words, bars
    )


def _bars(heights: Sequence[float]) -> str:
    """The outline of bars side by side, each a share of the height: one element for all of them."""
    width = 100 / len(heights)
    points = []
    for at, height in enumerate(heights):
        left, right = at * width, (at + _BAR) * width
        top = 100 * (1 - max(height, _LOWEST))
        points += [(left, 100), (left, top), (right, top), (right, 100)]
    return ",".join(f"{x:.4g}% {y:.4g}%" for x, y in points)
