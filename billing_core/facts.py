"""What the product keeps of Stripe's objects: plain frozen values, comparable and hashable.

Times are aware datetimes in UTC; amounts are in the currency's minor unit.
"""

from dataclasses import dataclass
from datetime import datetime

FINAL_STATUSES = frozenset({"canceled", "incomplete_expired"})
KNOWN_STATUSES = frozenset(
    {
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "canceled",
        "unpaid",
        "paused",
    }
)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One item of a subscription: a price and how many of it."""

    item_id: str
    price_id: str | None
    lookup_key: str | None
    product_id: str | None
    quantity: int | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    usage_type: str | None
    period_start: datetime | None
    period_end: datetime | None


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription as one of Stripe's snapshots shows it."""

    subscription_id: str
    customer_id: str | None
    status: str
    items: tuple[ItemFacts, ...]
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancellation_reason: str | None
    cancellation_feedback: str | None
    cancellation_comment: str | None
    pause_behavior: str | None
    pause_resumes_at: datetime | None
    collection_method: str | None
    billing_mode: str | None
    schedule_id: str | None
    created_at: datetime | None

    @property
    def final(self) -> bool:
        """Whether Stripe never changes this status again."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """A customer as one of Stripe's snapshots shows it."""

    customer_id: str
    name: str | None
    email: str | None
    claimed_org_id: str | None
    created_at: datetime | None
    deleted: bool = False

    @property
    def final(self) -> bool:
        """Whether the customer is deleted, which Stripe never undoes."""
        return self.deleted


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """A price (or, in old payloads, a plan)."""

    price_id: str
    lookup_key: str | None
    product_id: str | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    nickname: str | None
    deleted: bool = False

    @property
    def final(self) -> bool:
        """Whether the price is deleted."""
        return self.deleted


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """A product: the name that a price is shown under."""

    product_id: str
    name: str | None
    deleted: bool = False

    @property
    def final(self) -> bool:
        """Whether the product is deleted."""
        return self.deleted


Facts = SubscriptionFacts | CustomerFacts | PriceFacts | ProductFacts
