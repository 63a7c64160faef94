"""Coupons on subscriptions: what they take off an invoice, and when they run out."""

from __future__ import annotations

from sandbox import periods
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.shapes import Json, copy_of


def granted(account: Account, subscription: Json, coupon_id: str, param: str = "coupon") -> Json:
    """The subscription with a coupon's discount added, not yet saved.

    Raises `Refusal` if there is no such coupon or it has run out.
    """
    coupon = account.store.get("coupon", coupon_id, param)
    if not coupon["valid"]:
        raise Refusal(f"Coupon expired: {coupon_id}", code="coupon_expired", param=param)
    months = coupon["duration_in_months"]
    discount = {
        "id": account.ids.new("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "end": periods.months_after(account.now, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": account.now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
    account.record(discount, "customer.discount.created")
    after = copy_of(subscription)
    after["discounts"] = [*subscription["discounts"], discount["id"]]
    return after


def reduction(account: Account, subscription: Json, subtotal: int) -> int:
    """How much the subscription's discounts take off `subtotal`, in minor units."""
    off = 0
    for discount_id in subscription["discounts"]:
        discount = account.store.get("discount", discount_id)
        if discount["end"] is not None and discount["end"] <= account.now:
            continue
        coupon = account.store.get("coupon", discount["source"]["coupon"])
        if coupon["percent_off"] is not None:
            off += round(subtotal * coupon["percent_off"] / 100)
        elif coupon["currency"] == subscription["currency"]:
            off += coupon["amount_off"]
    return max(0, min(off, subtotal))


def used(account: Account, subscription: Json) -> Json:
    """The subscription without the discounts that hold for one invoice only, or have run out."""
    kept = []
    for discount_id in subscription["discounts"]:
        discount = account.store.get("discount", discount_id)
        coupon = account.store.get("coupon", discount["source"]["coupon"])
        over = discount["end"] is not None and discount["end"] <= account.now
        if coupon["duration"] != "once" and not over:
            kept.append(discount_id)
        else:
            account.emit("customer.discount.deleted", discount)
    if kept == subscription["discounts"]:
        return subscription
    after = copy_of(subscription)
    after["discounts"] = kept
    return after
