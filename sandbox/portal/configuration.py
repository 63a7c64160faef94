"""Portal configurations as they begin: nothing on, or everything."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.resources.subscription_update import FEEDBACK
from sandbox.shapes import Json

KIND = "billing_portal.configuration"
MOST_PRODUCTS = 10


def blank_features() -> Json:
    """Every feature, off, with Stripe's defaults."""
    return {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {"duration": {"type": "indefinite"}, "enabled": False},
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": None,
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }


def new(account: Account, features: Json, *, is_default: bool = False) -> Json:
    """A new configuration, not yet saved; only the Dashboard makes one the default."""
    return {
        "id": account.ids.new("bpc"),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
        },
        "created": account.now,
        "default_return_url": None,
        "features": features,
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": account.now,
    }


def everything_on(account: Account) -> Json:
    """A configuration with every feature on, offering each active price with a lookup key.

    Where a product has two such prices for one currency and interval, the newer is offered.
    """
    features = blank_features()
    for feature in features.values():
        feature["enabled"] = True
    features["customer_update"]["allowed_updates"] = ["address", "email", "name", "phone"]
    reason = features["subscription_cancel"]["cancellation_reason"]
    reason.update(enabled=True, options=list(FEEDBACK))
    update = features["subscription_update"]
    update["default_allowed_updates"] = ["price", "quantity"]
    update["products"] = _all_products(account)
    update["enabled"] = bool(update["products"])
    return new(account, features)


def _all_products(account: Account) -> list[Json]:
    offered: dict[str, dict[tuple[str, str, int], str]] = {}
    for price in account.store.all("price", {"$.active": 1}):
        if price["lookup_key"] is not None:
            recurring = price["recurring"]
            slot = (price["currency"], recurring["interval"], recurring["interval_count"])
            offered.setdefault(price["product"], {})[slot] = price["id"]
    return [
        {
            "adjustable_quantity": {"enabled": True, "maximum": 1000, "minimum": 1},
            "prices": list(prices.values()),
            "product": product,
        }
        for product, prices in list(offered.items())[:MOST_PRODUCTS]
    ]
