"""What an event tells: its type, and what its object was before and after, as plain values."""

from dataclasses import dataclass
from datetime import datetime

from billing_core.facts import CustomerFacts, PriceFacts, ProductFacts, SubscriptionFacts


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """An invoice; amounts are in the currency's minor unit."""

    invoice_id: str | None
    number: str | None
    currency: str | None
    total: int | None
    amount_due: int | None
    amount_paid: int | None
    billing_reason: str | None
    attempt_count: int | None
    next_attempt_at: datetime | None
    subscription_id: str | None


@dataclass(frozen=True, slots=True)
class CheckoutFacts:
    """A Checkout session."""

    mode: str | None
    payment_status: str | None
    subscription_id: str | None
    client_reference_id: str | None
    amount_total: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class PaymentMethodFacts:
    """A way to pay, as far as it may be shown."""

    type: str | None
    brand: str | None
    last4: str | None


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """A planned change of a subscription."""

    status: str | None
    subscription_id: str | None


Subject = (
    SubscriptionFacts
    | CustomerFacts
    | InvoiceFacts
    | CheckoutFacts
    | PaymentMethodFacts
    | ScheduleFacts
    | PriceFacts
    | ProductFacts
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event: what happened to what.

    ``before`` is None where the event does not say, and ``after`` where the object could not be
    read. ``changed`` names the attributes that the event says have changed.
    """

    type: str
    at: datetime
    before: Subject | None
    after: Subject | None
    changed: frozenset[str] = frozenset()
