"""Realistic events in the shapes of several API versions, and their signed bytes.

Every builder gives a plain JSON object, as Stripe would send it; ``signed`` makes the delivery.
"""

import hashlib
import hmac
import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import stripe

ENDIVE = "2026-10-28.endive"
ACACIA = "2024-12-18.acacia"
OLD = "2017-08-15"
WEBHOOK_SECRET = "whsec_" + "Qm7vXz2LkT9wRb4NsYc8Hd1Pf6Gj3Ae5"
Json = dict[str, Any]

_RUN = secrets.token_hex(4)
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """An id that no other test uses, in Stripe's form."""
    return f"{prefix}_1{_RUN}{next(_numbers):08d}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A body and the header that vouches for it."""

    body: bytes
    signature: str


def signed(
    event: Mapping[str, Any] | bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None
) -> Signed:
    """An event (or any bytes) signed as Stripe signs, at ``at`` (seconds; now by default)."""
    body = event if isinstance(event, bytes) else orjson.dumps(event)
    timestamp = int(time.time() if at is None else at)
    try:
        text = body.decode()
    except UnicodeDecodeError:  # which Stripe's own signer cannot take
        digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
        return Signed(body, f"t={timestamp},v1={digest}")
    header = stripe.WebhookSignature.generate_signature_header(text, secret, timestamp)
    return Signed(body, header)


def event(
    type_: str,
    obj: Json,
    *,
    created: int | None = None,
    previous: Json | None = None,
    api_version: str | None = ENDIVE,
    livemode: bool = False,
    **more: object,
) -> Json:
    """An event of ``type_`` about ``obj``; ``created`` in seconds, now by default."""
    data: Json = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": unique("evt"),
        "object": "event",
        "api_version": api_version,
        "created": int(time.time()) if created is None else created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": unique("req"), "idempotency_key": None},
        "type": type_,
        **more,
    }


def price(
    price_id: str = "price_pro_monthly",
    *,
    lookup_key: str | None = "pro_monthly",
    unit_amount: int = 4900,
    currency: str = "usd",
    interval: str = "month",
    product: str = "prod_pro",
) -> Json:
    """A recurring price."""
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": 1_700_000_000,
        "currency": currency,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def customer(
    customer_id: str,
    *,
    name: str = "Acme",
    email: str = "a@acme.example",
    org_id: str | None = None,
) -> Json:
    """A customer; ``org_id`` becomes its metadata."""
    return {
        "id": customer_id,
        "object": "customer",
        "created": 1_700_000_000,
        "email": email,
        "livemode": False,
        "metadata": {} if org_id is None else {"org_id": org_id},
        "name": name,
    }


def subscription(
    subscription_id: str,
    customer_id: str,
    *,
    status: str = "active",
    prices: tuple[Json, ...] = (),
    quantity: int | None = 1,
    start: int = 1_780_000_000,
    end: int = 1_790_000_000,
    version: str = ENDIVE,
    **fields: object,
) -> Json:
    """A subscription as the API ``version`` renders it: period on items, on both, or on top."""
    item_period = {"current_period_start": start, "current_period_end": end}
    items = [
        {
            "id": f"si_{subscription_id}_{number}",
            "object": "subscription_item",
            "created": start,
            "price": one,
            "plan": {**one, "object": "plan", "amount": one["unit_amount"]},
            "quantity": quantity,
            "subscription": subscription_id,
            **(item_period if version == ENDIVE else {}),
        }
        for number, one in enumerate(prices or (price(),))
    ]
    if version == OLD:
        items = [{key: item[key] for key in item if key != "price"} for item in items]
    shape: Json = {
        "id": subscription_id,
        "object": "subscription",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "collection_method": "charge_automatically",
        "created": start,
        "customer": customer_id,
        "ended_at": None,
        "items": {"object": "list", "data": items, "has_more": False, "total_count": len(items)},
        "livemode": False,
        "metadata": {},
        "status": status,
        "trial_end": None,
    }
    if version == ENDIVE:
        shape["billing_mode"] = {"type": "flexible"}
        shape["cancellation_details"] = {"comment": None, "feedback": None, "reason": None}
    else:
        shape |= item_period
        shape["plan"] = items[0]["plan"] if len(items) == 1 else None
        shape["quantity"] = quantity if len(items) == 1 else None
    return shape | fields


def portal_session(customer_id: str, url: str) -> Json:
    """A portal session, which carries its live URL."""
    return {
        "id": unique("bps"),
        "object": "billing_portal.session",
        "configuration": "bpc_1",
        "created": int(time.time()),
        "customer": customer_id,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": "https://app.example/settings/billing",
        "url": url,
    }
