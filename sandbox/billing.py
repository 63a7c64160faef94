"""The life of a subscription, as pure rules: JSON in, changed JSON out, no clock and no store.

All moments are unix seconds (UTC), all amounts minor units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.periods import period_end
from sandbox.shapes import Json, copy_of, overlaid

FINAL = frozenset({"canceled", "incomplete_expired"})
NO_CANCELLATION: Json = {"comment": None, "feedback": None, "feedback_option": None, "reason": None}

# What every subscription starts with.
_BLANK: Json = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_source": None,
    "default_tax_rates": [],
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "items": {
        "object": "list",
        "data": [],
        "has_more": False,
        "total_count": 0,
        "url": "/v1/subscription_items?subscription=",
    },
    "latest_invoice": None,
    "livemode": False,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "plan": None,
    "quantity": None,
    "schedule": None,
    "status_details": None,
    "test_clock": None,
    "transfer_data": None,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One price on a new subscription; `item_id` is the id its item gets."""

    item_id: str
    price: Json
    quantity: int = 1
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new subscription is made of; `trial_end` None means no trial."""

    subscription_id: str
    customer: str
    lines: Sequence[Line]
    now: int
    flexible: bool = True
    trial_end: int | None = None
    without_card: str = "create_invoice"
    payment_method: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    status: str = "active"


def start(terms: Terms) -> Json:
    """The subscription that begins at `terms.now`."""
    trialing = terms.trial_end is not None
    anchor = terms.trial_end or terms.now
    subscription: Json = {
        **copy_of(_BLANK),
        "id": terms.subscription_id,
        "billing_cycle_anchor": anchor,
        "billing_mode": {"type": "flexible" if terms.flexible else "classic"},
        "cancellation_details": dict(NO_CANCELLATION),
        "created": terms.now,
        "currency": terms.lines[0].price["currency"],
        "customer": terms.customer,
        "default_payment_method": terms.payment_method,
        "description": terms.description,
        "metadata": terms.metadata,
        "start_date": terms.now,
        "status": "trialing" if trialing else terms.status,
        "trial_end": terms.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": terms.without_card}},
        "trial_start": terms.now if trialing else None,
    }
    subscription["items"]["url"] += terms.subscription_id
    for line in terms.lines:
        subscription["items"]["data"].append(item(subscription, line, terms.now))
    return settled(subscription)


def item(subscription: Json, line: Line, now: int) -> Json:
    """A subscription item whose first period begins `now` (and lasts a running trial)."""
    trial_end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    end = trial_end or period_end(subscription["billing_cycle_anchor"], now, line.price)
    return {
        "id": line.item_id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": end,
        "current_period_start": now,
        "discounts": [],
        "metadata": line.metadata,
        "plan": plan_of(line.price),
        "price": line.price,
        "quantity": line.quantity,
        "subscription": subscription["id"],
        "tax_rates": [],
    }


def plan_of(price: Json) -> Json:
    """The price in the shape of Stripe's older plan object, which items still carry."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def settled(subscription: Json) -> Json:
    """The subscription with what follows from its items: `plan` and `quantity` of a single one."""
    items = items_of(subscription)
    for each in items:
        each["plan"] = plan_of(each["price"])
    single = items[0] if len(items) == 1 else None
    subscription["plan"] = single["plan"] if single else None
    subscription["quantity"] = single["quantity"] if single else None
    subscription["items"]["total_count"] = len(items)
    return subscription


def items_of(subscription: Json) -> list[Json]:
    """The subscription's items."""
    items: list[Json] = subscription["items"]["data"]
    return items


def last_period_end(subscription: Json) -> int:
    """When the longest running item's period ends."""
    return max(int(item["current_period_end"]) for item in items_of(subscription))


def first_period_end(subscription: Json) -> int:
    """When the next renewal is."""
    return min(int(item["current_period_end"]) for item in items_of(subscription))


def is_canceling(subscription: Json) -> bool:
    """Whether an end is set: newer billing modes set only `cancel_at`."""
    return bool(subscription["cancel_at_period_end"] or subscription["cancel_at"] is not None)


def is_flexible(subscription: Json) -> bool:
    """Whether the subscription is in flexible billing mode."""
    return bool(subscription["billing_mode"]["type"] == "flexible")


def canceling(subscription: Json, now: int, *, flag_only: bool = False) -> Json:
    """The subscription with its end set to the end of the period.

    Classic billing mode sets the flag and `cancel_at`, flexible only `cancel_at`. `flag_only` is
    what the API's deprecated boolean does to a flexible one.
    """
    after = copy_of(subscription)
    flagged = flag_only or not is_flexible(subscription)
    after["cancel_at_period_end"] = flagged
    after["cancel_at"] = (
        None if flag_only and is_flexible(subscription) else last_period_end(subscription)
    )
    return _requested(after, now)


def canceling_at(subscription: Json, moment: int, now: int) -> Json:
    """The subscription with its end set to a moment."""
    after = overlaid(subscription, {"cancel_at": moment, "cancel_at_period_end": False})
    return _requested(after, now)


def _requested(after: Json, now: int) -> Json:
    after["canceled_at"] = now
    after["cancellation_details"]["reason"] = "cancellation_requested"
    return after


def not_canceling(subscription: Json) -> Json:
    """The subscription with its cancellation taken back: the same fields going back."""
    undone = {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": dict(NO_CANCELLATION),
    }
    return overlaid(subscription, undone)


def ended(subscription: Json, now: int, reason: str | None = None) -> Json:
    """The subscription as it is once over; `canceled_at` keeps the time of the request."""
    after = copy_of(subscription)
    after.update(status="canceled", ended_at=now, canceled_at=subscription["canceled_at"] or now)
    after["pause_collection"] = None
    after["schedule"] = None
    if reason is not None:
        after["cancellation_details"]["reason"] = reason
    return after


def renewed(subscription: Json, now: int) -> tuple[Json, list[Json]]:
    """The subscription after every period that is over by `now` rolled on, and those items."""
    after = copy_of(subscription)
    rolled = [each for each in items_of(after) if each["current_period_end"] <= now]
    scheduled = after.pop("_scheduled", None)
    if scheduled is not None:
        after["schedule"] = None
        rolled[0].update(price=scheduled["price"], quantity=scheduled["quantity"])
    for each in rolled:
        each["current_period_start"] = each["current_period_end"]
        each["current_period_end"] = period_end(
            after["billing_cycle_anchor"], each["current_period_start"], each["price"]
        )
    if after["cancel_at_period_end"] and after["cancel_at"] is not None:
        after["cancel_at"] = last_period_end(after)
    return settled(after), rolled


def restarted(subscription: Json, now: int) -> Json:
    """The subscription with its billing cycle, and every period, beginning anew `now`."""
    after = copy_of(subscription)
    after["billing_cycle_anchor"] = now
    for each in items_of(after):
        each["current_period_start"] = now
        each["current_period_end"] = period_end(now, now, each["price"])
    if after["cancel_at_period_end"] and after["cancel_at"] is not None:
        after["cancel_at"] = last_period_end(after)
    return after


def out_of_trial(subscription: Json, now: int) -> Json:
    """The subscription in its first paid period, which begins `now`."""
    after = overlaid(subscription, {"status": "active", "trial_end": now})
    after["trial_settings"] = subscription["trial_settings"]
    return restarted(after, now)


def switched(subscription: Json, item_id: str, price: Json, quantity: int, now: int) -> Json:
    """The subscription with one item on another price; a new interval starts a new period."""
    after = copy_of(subscription)
    target = next(each for each in items_of(after) if each["id"] == item_id)
    old = target["price"]["recurring"]
    target.update(price=price, quantity=quantity)
    new = price["recurring"]
    same = (old["interval"], old["interval_count"]) == (new["interval"], new["interval_count"])
    after = settled(after)
    return after if same or after["status"] == "trialing" else restarted(after, now)
