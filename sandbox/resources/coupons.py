"""Coupons."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json


def create(account: Account, call: Call) -> Json:
    """`POST /v1/coupons`: `percent_off`, or `amount_off` with `currency`."""
    params = call.params
    percent = params.text("percent_off")
    amount = params.integer("amount_off", least=1)
    currency = params.text("currency")
    duration = params.choice("duration", ("forever", "once", "repeating")) or "once"
    months = params.integer("duration_in_months", least=1)
    coupon: Json = {
        "id": params.text("id") or account.ids.letters(8),
        "object": "coupon",
        "amount_off": amount,
        "created": account.now,
        "currency": currency,
        "duration": duration,
        "duration_in_months": months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": params.metadata(),
        "name": params.text("name"),
        "percent_off": _percent(percent),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }
    params.finish()
    if (percent is None) == (amount is None) or (amount is not None and currency is None):
        raise Refusal("Pass exactly one of percent_off, or amount_off with a currency.")
    if (duration == "repeating") != (months is not None):
        raise Refusal("duration_in_months goes with duration repeating, and only with it.")
    if account.store.find(coupon["id"]) is not None:
        raise Refusal("Coupon already exists.", code="resource_already_exists", param="id")
    return account.record(coupon, "coupon.created")


def _percent(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        raise Refusal(f"Invalid decimal: {text}", param="percent_off") from None
    if value is not None and not 0 < value <= 100:
        raise Refusal("percent_off must be between 0 and 100.", param="percent_off")
    return value


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/coupons/{id}`."""
    call.params.finish()
    return account.store.get("coupon", call.ids["id"])


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/coupons`."""
    return listing(account, call, "coupon")


ROUTES = [
    Route("POST", "/v1/coupons", create),
    Route("GET", "/v1/coupons", list_all),
    Route("GET", "/v1/coupons/{id}", retrieve),
]
