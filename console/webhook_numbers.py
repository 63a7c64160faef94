"""The numbers behind the freshness, and what waits for somebody."""

from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup

from billing_core.rows import (
    EventRow,
    Percentiles,
    SuspectSubscription,
    UnmappedPrice,
    WebhookHealth,
)
from console import elements
from console.elements import Column, Text
from console.viewer import Viewer, ago, lasting

_PARKED = (Column("Event"), Column("Organization"), Column("Why it waits"), Column("Received"))
_UNMAPPED = (Column("Price"), Column("Product"), Column("Subscriptions", number=True))
_SUSPECTS = (Column("Subscription"), Column("Customer"), Column("Status"), Column("Since"))


def numbers(health: WebhookHealth, now: datetime) -> Markup:
    """Last event, backlog, parked, and how long things take."""
    return elements.tiles(_numbers(health, now))


def parked_table(events: Iterable[EventRow], who: Viewer) -> Markup:
    """Events that wait for a person, with the reason in words."""
    return elements.table(_PARKED, [_parked(event, who) for event in events], "Parked events")


def unmapped_table(prices: Iterable[UnmappedPrice]) -> Markup:
    """Prices that are paid and named by no plan."""
    return elements.table(_UNMAPPED, [_unmapped(price) for price in prices], "Unmapped prices")


def suspect_table(suspects: Iterable[SuspectSubscription], who: Viewer) -> Markup:
    """Subscriptions whose last events' order is in doubt."""
    rows = [
        (
            elements.code(suspect.subscription_id),
            elements.code(suspect.customer_id) if suspect.customer_id else elements.DASH,
            suspect.status,
            elements.time(suspect.since, who),
        )
        for suspect in suspects
    ]
    return elements.table(_SUSPECTS, rows, "Order in doubt")


def _numbers(health: WebhookHealth, now: datetime) -> list[tuple[Text, str, str, Text]]:
    return [
        (_last(health, now), "Last event", "plain", _gap(health.usual_gap_seconds)),
        (str(health.backlog), "Backlog", "plain", "Stored, not applied yet"),
        (str(health.parked), "Parked", "bad" if health.parked.value else "plain", "For a person"),
        _lag(health.receive_lag, "From Stripe to us"),
        _lag(health.apply_lag, "From us to applied"),
    ]


def _last(health: WebhookHealth, now: datetime) -> Text:
    at = health.last_received_at
    return elements.timed(ago(at, now), at) if at is not None else "Never"


def _gap(seconds: float | None) -> str:
    return f"Usual gap {lasting(seconds)}" if seconds is not None else "Too few to tell a gap"


def _lag(percentiles: Percentiles | None, label: str) -> tuple[Text, str, str, Text]:
    if percentiles is None:
        return "–", label, "plain", "No event in a day"
    rest = f"median; p95 {_seconds(percentiles.p95)}, p99 {_seconds(percentiles.p99)}"
    return _seconds(percentiles.p50), label, "plain", rest


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else lasting(seconds)


def _parked(event: EventRow, who: Viewer) -> tuple[Text, ...]:
    organization = elements.organization_link(event.org_id, None) if event.org_id else elements.DASH
    return (
        elements.lines(elements.code(event.type), elements.quiet(event.event_id)),
        organization,
        elements.untrusted(event.error),
        elements.time(event.received_at, who),
    )


def _unmapped(price: UnmappedPrice) -> tuple[Text, ...]:
    return (
        elements.lines(elements.code(price.price_id), elements.quiet(price.lookup_key or "")),
        elements.untrusted(price.product_name or price.nickname),
        str(price.subscriptions),
    )
