"""Stripe's objects as its API renders them, without the fields that nobody here reads."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

API_VERSION = "2026-10-28.endive"
MARK = "x100000"
UNMAPPED = "legacy_2019"


@dataclass(frozen=True, slots=True)
class Price:
    """A price; ``amount`` is in minor units. Its lookup key may be none of ``billing.toml``."""

    key: str
    amount: int
    currency: str
    interval: str
    product: str

    @property
    def id(self) -> str:
        """Prices are the same in every copy, so their ids have no mark."""
        return f"price_bench_{self.key}"

    def render(self) -> Json:
        """As it stands on an item."""
        return {
            "id": self.id,
            "object": "price",
            "active": True,
            "currency": self.currency,
            "livemode": False,
            "lookup_key": self.key,
            "product": self.product,
            "recurring": {
                "interval": self.interval,
                "interval_count": 1,
                "usage_type": "licensed",
            },
            "type": "recurring",
            "unit_amount": self.amount,
        }


PRICES = tuple(
    Price(key, amount, currency, interval, f"prod_bench_{key.split('_')[0]}")
    for key, amount, currency, interval in (
        ("starter_monthly", 1_900, "usd", "month"),
        ("starter_yearly", 19_000, "usd", "year"),
        ("starter_monthly_eur", 1_700, "eur", "month"),
        ("starter_monthly_jpy", 2_800, "jpy", "month"),
        ("pro_monthly", 4_900, "usd", "month"),
        ("pro_yearly", 49_000, "usd", "year"),
        ("pro_monthly_eur", 4_500, "eur", "month"),
        ("pro_yearly_eur", 45_000, "eur", "year"),
        ("pro_monthly_gbp", 3_900, "gbp", "month"),
        ("pro_monthly_jpy", 7_400, "jpy", "month"),
        ("team_monthly", 14_900, "usd", "month"),
        ("team_yearly", 149_000, "usd", "year"),
        ("team_monthly_eur", 13_900, "eur", "month"),
        ("team_yearly_gbp", 119_000, "gbp", "year"),
        (UNMAPPED, 9_900, "usd", "month"),
    )
)


def marked(prefix: str, number: int, part: str = "") -> str:
    """An id that says that it is a benchmark's, and in which copy."""
    return f"{prefix}_bench{MARK}n{number:06d}{part}"


@dataclass
class Subscription:
    """A subscription as it stands; times are whole seconds since 1970."""

    number: int
    price: Price
    quantity: int
    start: int
    period_start: int
    period_end: int
    part: str = ""
    status: str = "active"
    cancel_at_period_end: bool = False
    cancel_at: int | None = None
    canceled_at: int | None = None
    ended_at: int | None = None
    trial_end: int | None = None
    paused: bool = False
    cancellation: Json = field(
        default_factory=lambda: {"comment": None, "feedback": None, "reason": None}
    )

    @property
    def id(self) -> str:
        """Its id."""
        return marked("sub", self.number, self.part)

    def render(self) -> Json:
        """As an event carries it; the period stands on the item."""
        return {
            "id": self.id,
            "object": "subscription",
            "billing_mode": {"type": "flexible"},
            "cancel_at": self.cancel_at,
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": dict(self.cancellation),
            "collection_method": "charge_automatically",
            "created": self.start,
            "currency": self.price.currency,
            "customer": marked("cus", self.number),
            "ended_at": self.ended_at,
            "items": {
                "object": "list",
                "data": [
                    {
                        "id": marked("si", self.number, self.part),
                        "object": "subscription_item",
                        "created": self.start,
                        "current_period_end": self.period_end,
                        "current_period_start": self.period_start,
                        "price": self.price.render(),
                        "quantity": self.quantity,
                        "subscription": self.id,
                    }
                ],
                "has_more": False,
                "total_count": 1,
            },
            "livemode": False,
            "metadata": {},
            "pause_collection": {"behavior": "void", "resumes_at": None} if self.paused else None,
            "schedule": None,
            "start_date": self.start,
            "status": self.status,
            "trial_end": self.trial_end,
        }


def customer(number: int, name: str, email: str, created: int, *, org: int | None) -> Json:
    """A customer whose metadata names its org, or none."""
    return {
        "id": marked("cus", number),
        "object": "customer",
        "created": created,
        "currency": "usd",
        "delinquent": False,
        "email": email,
        "livemode": False,
        "metadata": {"org_id": marked("org", org)} if org is not None else {},
        "name": name,
        "preferred_locales": ["en"],
    }


def invoice(subscription: Subscription, at: int, status: str) -> Json:
    """An invoice of the subscription's period."""
    amount = subscription.price.amount * subscription.quantity
    paid = status == "paid"
    invoice_id = marked("in", subscription.number, f"{subscription.part}t{at}")
    return {
        "id": invoice_id,
        "object": "invoice",
        "amount_due": amount,
        "amount_paid": amount if paid else 0,
        "amount_remaining": 0 if paid else amount,
        "attempt_count": 1,
        "billing_reason": "subscription_cycle",
        "created": at,
        "currency": subscription.price.currency,
        "customer": marked("cus", subscription.number),
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_1Bench/test_{invoice_id}?s=ap",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_1Bench/test_{invoice_id}/pdf?s=ap",
        "livemode": False,
        "number": f"BENCH-{subscription.number:06d}-{at % 10_000:04d}",
        "parent": {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription.id, "metadata": {}},
        },
        "period_end": subscription.period_end,
        "period_start": subscription.period_start,
        "status": status,
        "total": amount,
    }


def event(event_id: str, type_: str, created: int, obj: Json, previous: Json | None) -> Json:
    """The envelope around an object."""
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": f"req_{event_id[-12:]}", "idempotency_key": None},
        "type": type_,
    }
