"""The overview's numbers: each leads to the list that it counts."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.permissions import Permission
from billing_core.rows import Count, Overview
from console import elements
from console.elements import Text
from console.identity import Principal

_Tile = tuple[Text, str, str, Text]
_LIST = "/organizations"


def attention(counts: Overview, principal: Principal) -> Markup:
    """What somebody should look at, as far as this person may."""
    return elements.tiles(_attention(counts, principal))


def state(counts: Overview) -> Markup:
    """How many organizations there are, and in which state."""
    return elements.tiles(
        [
            _tile(counts.organizations, "All", "plain", "With and without a plan", _LIST),
            (str(counts.with_access), "With access", "plain", "Right now"),
            _tile(counts.trialing, "In trial", "plain", "Have access", _LIST, status="trialing"),
            _tile(counts.paused, "Paused", "plain", "No access", _LIST, status="paused"),
        ]
    )


def _attention(counts: Overview, principal: Principal) -> Iterable[_Tile]:
    yield _tile(counts.past_due, "Past due", "warn", "Stripe is retrying", _LIST, show="past_due")
    yield _tile(counts.unpaid, "Unpaid", "bad", "Stripe has given up", _LIST, status="unpaid")
    finance = principal.may(Permission.READ_WINDING_DOWN)
    path, query = ("/winding-down", {}) if finance else (_LIST, {"show": "winding_down"})
    yield _tile(counts.winding_down, "Winding down", "warn", "Set to end", path, **query)
    awaiting = {"status": "incomplete"}
    yield _tile(counts.incomplete, "Awaiting payment", "warn", "The first one", _LIST, **awaiting)
    unmapped = {"show": "unmapped"}
    yield _tile(counts.unmapped, "Unmapped price", "warn", "Named by no plan", _LIST, **unmapped)
    if finance:
        below = "Period over, no end reported"
        yield _tile(counts.overdue, "Overdue", "bad", below, "/winding-down")
    if principal.may(Permission.READ_WEBHOOKS):
        yield _tile(counts.parked, "Parked events", "bad", "Wait for a person", "/webhooks")
        claims = counts.conflicting_claims
        below = "Two customers, one organization"
        yield str(claims), "Conflicting claims", _tone(claims, "bad"), below


def _tile(count: Count, label: str, tone: str, below: str, path: str, **query: str) -> _Tile:
    return elements.link(str(count), path, **query), label, _tone(count, tone), below


def _tone(count: Count, tone: str) -> str:
    return tone if count.value else "plain"
