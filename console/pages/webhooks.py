"""Whether the picture can be trusted: what came, what waits, what is in doubt."""

from datetime import datetime

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.rows import EventRow, Percentiles, UnmappedPrice, WebhookHealth
from console import access, data, elements
from console.elements import Column, Text
from console.freshness import freshness
from console.viewer import Viewer, ago, lasting, viewer

_PARKED = (Column("Event"), Column("Organization"), Column("Why it waits"), Column("Received"))
_UNMAPPED = (Column("Price"), Column("Product"), Column("Subscriptions", number=True))
_SUSPECTS = (Column("Subscription"), Column("Customer"), Column("Status"), Column("Since"))


def page() -> None:
    """Freshness in a sentence, the numbers behind it, and every thing that waits for somebody."""
    access.require(Permission.READ_WEBHOOKS)
    now = data.now()
    with data.snapshot() as connection:
        health = queries.webhook_health(connection, now)
    who = viewer()
    elements.page_heading("Webhooks", "What Stripe has sent, and what became of it.")
    elements.notice(*freshness(health, now))
    elements.show(elements.tiles(_numbers(health, now)))
    elements.section(
        "Parked events", "Stored, understood by nothing here, and waiting for a person"
    )
    if health.parked_events:
        rows = [_parked(event, who) for event in health.parked_events]
        elements.show(elements.table(_PARKED, rows, "Parked events"))
    else:
        elements.empty("No event is parked.", "Everything that Stripe sent could be read.")
    if health.unmapped_prices:
        elements.section("Unmapped prices", "Paid by subscriptions, named by no plan")
        rows = [_unmapped(price) for price in health.unmapped_prices]
        elements.show(elements.table(_UNMAPPED, rows, "Unmapped prices"))
    if health.suspects:
        elements.section("Order in doubt", "Stripe is being asked about these")
        rows = [
            (
                elements.code(suspect.subscription_id),
                elements.code(suspect.customer_id or "–"),
                suspect.status,
                elements.time(suspect.since, who),
            )
            for suspect in health.suspects
        ]
        elements.show(elements.table(_SUSPECTS, rows, "Order in doubt"))
    st.button("Refresh", icon=":material/refresh:")


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
