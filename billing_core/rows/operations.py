"""Whether the picture can be trusted, and what needs attention."""

from dataclasses import dataclass
from datetime import datetime

from billing_core.rows.organizations import Count


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long something took, in seconds, over ``samples`` of it."""

    p50: float
    p95: float
    p99: float
    samples: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the inbox, without its payload."""

    event_id: str
    type: str
    outcome: str
    error: str | None
    org_id: str | None
    object_id: str | None
    api_version: str | None
    created: datetime
    received_at: datetime
    applied_at: datetime | None
    attempts: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class EventVolume:
    """Events of one type and outcome within one hour."""

    hour: datetime
    type: str
    outcome: str
    events: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class SuspectSubscription:
    """A subscription whose last change is not certain until Stripe has been asked."""

    subscription_id: str
    customer_id: str | None
    status: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class UnmappedPrice:
    """A price that no plan of ``billing.toml`` names.

    ``subscriptions`` counts those that speak for an organization with it.
    """

    price_id: str
    lookup_key: str | None
    product_name: str | None
    nickname: str | None
    subscriptions: Count


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """Whether the picture can be trusted."""

    last_received_at: datetime | None
    last_created_at: datetime | None
    usual_gap_seconds: float | None
    backlog: Count
    oldest_pending_at: datetime | None
    parked: Count
    parked_events: tuple[EventRow, ...]
    receive_lag: Percentiles | None
    apply_lag: Percentiles | None
    suspects: tuple[SuspectSubscription, ...]
    unmapped_prices: tuple[UnmappedPrice, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What needs attention now."""

    organizations: Count
    with_access: Count
    trialing: Count
    past_due: Count
    unpaid: Count
    incomplete: Count
    paused: Count
    winding_down: Count
    overdue: Count
    unmapped: Count
    conflicting_claims: Count
    parked: Count
    backlog: Count
    last_received_at: datetime | None
