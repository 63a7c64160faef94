"""The life of a subscription, as pure rules: JSON in, changed JSON out, no clock and no store.

All moments are unix seconds (UTC), all amounts minor units.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sandbox.shapes import Json, copy_of, overlaid

DAY = 86_400
TRIAL_WARNING = 3 * DAY  # customer.subscription.trial_will_end comes three days before
INCOMPLETE_FOR = 23 * 3600  # Stripe gives a first payment 23 hours
FINALIZES_AFTER = 3600  # a renewal's invoice stays a draft for an hour
RETRY_AFTER_DAYS = (3, 5, 7)  # the recurring retries of a failed payment
FINAL = frozenset({"canceled", "incomplete_expired"})

NO_CANCELLATION: Json = {"comment": None, "feedback": None, "feedback_option": None, "reason": None}


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
        "id": terms.subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": anchor,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"type": "flexible" if terms.flexible else "classic"},
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": dict(NO_CANCELLATION),
        "collection_method": "charge_automatically",
        "created": terms.now,
        "currency": terms.lines[0].price["currency"],
        "customer": terms.customer,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": terms.payment_method,
        "default_source": None,
        "default_tax_rates": [],
        "description": terms.description,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/subscription_items?subscription={terms.subscription_id}",
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": terms.metadata,
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
        "start_date": terms.now,
        "status": "trialing" if trialing else terms.status,
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": terms.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": terms.without_card}},
        "trial_start": terms.now if trialing else None,
    }
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


def period_end(anchor: int, since: int, price: Json) -> int:
    """The first boundary after `since` of the billing cycle that is anchored at `anchor`."""
    interval: str = price["recurring"]["interval"]
    count: int = price["recurring"]["interval_count"]
    if interval in {"day", "week"}:
        length = count * (DAY if interval == "day" else 7 * DAY)
        return anchor + max(0, (since - anchor) // length + 1) * length
    months = count * (12 if interval == "year" else 1)
    passed = max(0, (since - anchor) // (31 * DAY * months))
    end = months_after(anchor, passed * months)
    while end <= since:
        passed += 1
        end = months_after(anchor, passed * months)
    return end


def months_after(moment: int, months: int) -> int:
    """The same day and time `months` later, or the month's last day where that day is missing."""
    then = datetime.fromtimestamp(moment, UTC)
    index = then.year * 12 + then.month - 1 + months
    year, month = divmod(index, 12)
    days = calendar.monthrange(year, month + 1)[1]
    moved = then.replace(year=year, month=month + 1, day=min(then.day, days))
    return int(moved.timestamp())


def canceling(subscription: Json, now: int, *, flag_only: bool = False) -> Json:
    """The subscription with its end set to the end of the period.

    Classic billing mode sets the flag and `cancel_at`; flexible sets only `cancel_at`, to the last
    period's end. `flag_only` is what the API's deprecated boolean does to a flexible one.
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


def due_at(value: Json) -> int | None:
    """When an object next changes by itself, or None if it waits for somebody."""
    rule = _DUE.get(value["object"])
    return rule(value) if rule else None


def _subscription_due(subscription: Json) -> int | None:
    status = subscription["status"]
    if status in FINAL:
        return None
    moments = [subscription["cancel_at"]]
    if status == "incomplete":
        moments.append(subscription["created"] + INCOMPLETE_FOR)
    elif status == "trialing":
        moments.append(subscription["trial_end"])
        if not subscription.get("_trial_warned"):
            warning = max(subscription["trial_end"] - TRIAL_WARNING, subscription["created"])
            moments.append(warning)
    elif status != "paused":
        moments.append(first_period_end(subscription))
    if subscription["pause_collection"]:
        moments.append(subscription["pause_collection"]["resumes_at"])
    if subscription.get("_resumes_at"):
        moments.append(subscription["_resumes_at"])
    return min((moment for moment in moments if moment is not None), default=None)


def _invoice_due(invoice: Json) -> int | None:
    if not invoice["auto_advance"]:
        return None
    if invoice["status"] == "draft":
        return int(invoice["automatically_finalizes_at"])
    return invoice["next_payment_attempt"] if invoice["status"] == "open" else None


def _checkout_due(session: Json) -> int | None:
    return int(session["expires_at"]) if session["status"] == "open" else None


_DUE = {
    "subscription": _subscription_due,
    "invoice": _invoice_due,
    "checkout.session": _checkout_due,
}


def retry_at(attempts: int, now: int) -> int | None:
    """When a payment that failed for the `attempts`-th time is tried again, if it is."""
    if attempts > len(RETRY_AFTER_DAYS):
        return None
    return now + int(timedelta(days=RETRY_AFTER_DAYS[attempts - 1]).total_seconds())
