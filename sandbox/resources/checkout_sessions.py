"""Checkout sessions in subscription mode."""

from __future__ import annotations

from sandbox import periods
from sandbox.account import Account
from sandbox.errors import Refusal, invalid
from sandbox.params import Params
from sandbox.resources import customers
from sandbox.resources.common import Call, Route, listing
from sandbox.resources.portal_sessions import LOCALES
from sandbox.resources.subscriptions import flexible_mode, missing_card_behavior
from sandbox.shapes import Json, overlaid
from sandbox.store import equal

KIND = "checkout.session"
_SHORTEST, _LONGEST = 30 * 60, 24 * 3600


def create(account: Account, call: Call) -> Json:
    """`POST /v1/checkout/sessions`; the customer comes into being when the session is paid."""
    params = call.params
    _check_mode(params)
    customer = _customer(account, params)
    lines = [_line(account, each) for each in params.each("line_items")]
    data = params.nested("subscription_data")
    session = _blank(account)
    session.update(
        cancel_url=params.url("cancel_url"),
        client_reference_id=params.text("client_reference_id", longest=200),
        customer=customer["id"] if customer else None,
        customer_email=params.text("customer_email"),
        expires_at=_expiry(account, params),
        locale=params.choice("locale", LOCALES),
        metadata=params.metadata(),
        payment_method_collection=params.choice(
            "payment_method_collection", ("always", "if_required")
        )
        or "always",
        success_url=params.url("success_url", required=True),
        _lines=lines,
        _coupons=[each.needed("coupon") for each in params.each("discounts")],
        _subscription=_subscription_data(data, call.version),
    )
    params.choice("ui_mode", ("hosted_page", "hosted"))
    params.ignore("allow_promotion_codes", "billing_address_collection", "automatic_tax")
    params.ignore("customer_update", "tax_id_collection", "consent_collection", "custom_text")
    params.ignore("allowed_payment_method_types", "excluded_payment_method_types", "submit_type")
    params.ignore("phone_number_collection", "saved_payment_method_options")
    params.finish()
    if customer is not None and session["customer_email"] is not None:
        raise Refusal("You may only specify one of these parameters: customer, customer_email.")
    _price_up(account, session)
    account.save(session)
    return session


def _check_mode(params: Params) -> None:
    if params.has("payment_method_types"):
        raise invalid(
            "payment_method_types",
            "The parameter payment_method_types is no longer supported. Use"
            " allowed_payment_method_types or excluded_payment_method_types instead.",
            "payment_method_types_no_longer_supported",
        )
    if params.choice("mode", ("payment", "setup", "subscription"), required=True) != "subscription":
        raise invalid("mode", "The sandbox sells subscriptions only: send mode=subscription.")


def _customer(account: Account, params: Params) -> Json | None:
    customer_id = params.text("customer")
    return customers.living(account, customer_id, "customer") if customer_id else None


def _line(account: Account, params: Params) -> Json:
    price = account.store.get("price", params.needed("price"), params.path("price"))
    if not price["active"]:
        raise invalid(params.path("price"), "The price specified is inactive.")
    params.ignore("adjustable_quantity")
    return {"price": price["id"], "quantity": params.integer("quantity", least=1, required=True)}


def _subscription_data(params: Params | None, version: str) -> Json:
    params = params or Params({}, "subscription_data")
    return {
        "description": params.text("description"),
        "flexible": flexible_mode(params, version),
        "metadata": params.metadata(),
        "trial_period_days": params.integer("trial_period_days", least=1, most=730),
        "trial_end": params.integer("trial_end"),
        "without_card": missing_card_behavior(params),
    }


def _expiry(account: Account, params: Params) -> int:
    asked = params.integer("expires_at")
    if asked is None:
        return account.now + _LONGEST
    if not account.now + _SHORTEST <= asked <= account.now + _LONGEST:
        raise invalid(
            "expires_at",
            "The expires_at timestamp must be between 30 minutes and 24 hours from now.",
        )
    return asked


def _blank(account: Account) -> Json:
    session_id = f"cs_test_{account.ids.letters(58)}"
    return {
        "id": session_id,
        "object": KIND,
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "created": account.now,
        "currency": None,
        "customer_creation": "always",
        "customer_details": None,
        "invoice": None,
        "livemode": False,
        "mode": "subscription",
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "ui_mode": "hosted_page",
        "url": account.page_url("c", "pay", session_id),
    }


def _price_up(account: Account, session: Json) -> None:
    if not session["_lines"]:
        raise Refusal(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    prices = [account.store.get("price", line["price"]) for line in session["_lines"]]
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("line_items", "All prices must have the same currency.")
    session["currency"] = prices[0]["currency"]
    quantities = [line["quantity"] for line in session["_lines"]]
    total = sum(
        price["unit_amount"] * quantity for price, quantity in zip(prices, quantities, strict=True)
    )
    on_trial = trial_end(account, session) is not None
    session.update(amount_subtotal=0 if on_trial else total, amount_total=0 if on_trial else total)


def trial_end(account: Account, session: Json) -> int | None:
    """When the trial would end if the session were completed now."""
    data: Json = session["_subscription"]
    if data["trial_period_days"] is not None:
        return int(account.now + data["trial_period_days"] * periods.DAY)
    end: int | None = data["trial_end"]
    return end


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/checkout/sessions/{id}`."""
    call.params.finish()
    return account.store.get(KIND, call.ids["id"])


def expire(account: Account, call: Call) -> Json:
    """`POST /v1/checkout/sessions/{id}/expire`, while it is open."""
    call.params.finish()
    session = account.store.get(KIND, call.ids["id"])
    if session["status"] != "open":
        raise Refusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
            f" Session has a status of {session['status']}."
        )
    return account.record(
        overlaid(session, {"status": "expired", "url": None}), "checkout.session.expired"
    )


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/checkout/sessions`, by `customer`, `subscription` or `status`."""
    where = []
    customer = call.params.text("customer")
    if customer is not None:
        where.append(equal("customer", customer))
    for name in ("subscription", "status"):
        value = call.params.text(name)
        if value is not None:
            where.append(equal(f"$.{name}", value))
    return listing(account, call, KIND, *where)


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create),
    Route("GET", "/v1/checkout/sessions", list_all),
    Route("GET", "/v1/checkout/sessions/{id}", retrieve),
    Route("POST", "/v1/checkout/sessions/{id}/expire", expire),
]
