"""Portal sessions: created, never read again; the address is a bearer credential."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.errors import Refusal, invalid, missing_parameter
from sandbox.params import Params
from sandbox.portal import rules
from sandbox.resources import customers
from sandbox.resources.common import Call, Route
from sandbox.shapes import Json

KIND = "billing_portal.session"
UNUSED_FOR = 5 * 60
IDLE_FOR = 60 * 60
_FLOWS = (
    "customer_update",
    "payment_method_update",
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
    "subscription_update_confirm",
)
_COMPLETIONS = ("hosted_confirmation", "portal_homepage", "redirect")
LOCALES = [
    "auto",
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "en-AU",
    "en-CA",
    "en-GB",
    "en-IE",
    "en-IN",
    "en-NZ",
    "en-SG",
    "es",
    "es-419",
    "et",
    "fi",
    "fil",
    "fr",
    "fr-CA",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "lv",
    "ms",
    "mt",
    "nb",
    "nl",
    "pl",
    "pt",
    "pt-BR",
    "ro",
    "ru",
    "sk",
    "sl",
    "sv",
    "th",
    "tr",
    "vi",
    "zh",
    "zh-HK",
    "zh-TW",
]


def create(account: Account, call: Call) -> Json:
    """`POST /v1/billing_portal/sessions`."""
    params = call.params
    customer_id = params.needed("customer")
    configuration_id = params.text("configuration")
    return_url = params.url("return_url")
    locale = params.choice("locale", LOCALES)
    flow_params = params.nested("flow_data")
    flow = _read_flow(flow_params) if flow_params is not None else None
    expiration = params.nested("after_expiration")
    if expiration is not None:
        _read_expiration(expiration)
    params.ignore("on_behalf_of")
    params.finish()
    customer = customers.living(account, customer_id, "customer")
    configuration = _configuration(account, configuration_id)
    if return_url is None and configuration["default_return_url"] is None:
        raise missing_parameter("return_url")
    if flow is not None:
        _check_flow(account, configuration, customer, flow)
    token = f"test_{account.ids.letters(48)}"
    session = {
        "id": account.ids.new("bps"),
        "object": KIND,
        "configuration": configuration["id"],
        "created": account.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": flow,
        "livemode": False,
        "locale": locale,
        "on_behalf_of": None,
        "return_url": return_url or configuration["default_return_url"],
        "url": account.page_url("p", "session", token),
        "_token": token,
        "_expires_at": account.now + UNUSED_FOR,
    }
    account.emit("billing_portal.session.created", session)
    account.save({**session, "url": None})
    return session


def _configuration(account: Account, configuration_id: str | None) -> Json:
    """The configuration asked for, else the default one."""
    if configuration_id is None:
        return rules.default_configuration(account)
    configuration = account.store.get(
        "billing_portal.configuration", configuration_id, "configuration"
    )
    if not configuration["active"]:
        raise invalid("configuration", "This portal configuration is not active.")
    return configuration


def _read_expiration(params: Params) -> None:
    params.choice("type", ("customer_login",), required=True)
    login = params.nested("customer_login")
    if login is not None:
        login.integer("expires_at")


def _read_flow(params: Params) -> Json:
    """The flow in the shape that the session shows; nothing is looked up yet."""
    kind = params.choice("type", _FLOWS, required=True) or ""
    flow: Json = {
        "after_completion": _read_completion(params.nested("after_completion")),
        "subscription_cancel": None,
        "subscription_pause": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }
    if kind not in flow:
        return flow
    details = params.nested(kind)
    if details is None:
        raise missing_parameter(f"flow_data[{kind}]")
    flow[kind] = {"subscription": details.needed("subscription")}
    if kind == "subscription_cancel":
        flow[kind]["retention"] = _read_retention(details.nested("retention"))
    if kind == "subscription_update_confirm":
        flow[kind]["items"] = [
            {
                "id": each.needed("id"),
                "price": each.text("price"),
                "quantity": each.integer("quantity", least=0),
            }
            for each in details.each("items")
        ]
        coupons = [each.text("coupon") for each in details.each("discounts")]
        flow[kind]["discounts"] = [{"coupon": each, "promotion_code": None} for each in coupons]
        if len(flow[kind]["items"]) != 1:
            raise invalid(details.path("items"), "Exactly one item must be given.")
    return flow


def _read_retention(params: Params | None) -> Json | None:
    if params is None:
        return None
    kind = params.choice("type", ("coupon_offer",), required=True)
    offer = params.nested("coupon_offer")
    if offer is None:
        raise missing_parameter(params.path("coupon_offer"))
    return {"coupon_offer": {"coupon": offer.needed("coupon")}, "type": kind}


def _read_completion(params: Params | None) -> Json:
    completion: Json = {"hosted_confirmation": None, "redirect": None, "type": "portal_homepage"}
    if params is None:
        return completion
    completion["type"] = params.choice("type", _COMPLETIONS, required=True)
    redirect = params.nested("redirect")
    if redirect is not None:
        completion["redirect"] = {"return_url": redirect.url("return_url", required=True)}
    elif completion["type"] == "redirect":
        raise missing_parameter(params.path("redirect"))
    confirmation = params.nested("hosted_confirmation")
    if confirmation is not None:
        message = confirmation.text("custom_message", longest=500)
        completion["hosted_confirmation"] = {"custom_message": message}
    return completion


def _check_flow(account: Account, configuration: Json, customer: Json, flow: Json) -> None:
    kind = flow["type"]
    if kind == "payment_method_update":
        rules.check_payment_method_update(configuration)
        return
    if kind == "customer_update":
        rules.check_customer_update(configuration)
        return
    details = flow[kind]
    subscription = account.store.get("subscription", details["subscription"], "subscription")
    if subscription["customer"] != customer["id"]:
        raise Refusal(
            f"The subscription {subscription['id']} does not belong to the customer"
            f" {customer['id']}.",
            param=f"flow_data[{kind}][subscription]",
        )
    if kind == "subscription_cancel":
        rules.check_cancel(configuration, subscription)
        if details["retention"]:
            account.store.get("coupon", details["retention"]["coupon_offer"]["coupon"], "coupon")
    elif kind == "subscription_pause":
        rules.check_pause(configuration, subscription)
    else:
        rules.check_update(configuration, subscription)
    if kind == "subscription_update_confirm":
        _check_confirm(account, configuration, subscription, details)


def _check_confirm(
    account: Account, configuration: Json, subscription: Json, details: Json
) -> None:
    for discount in details["discounts"]:
        account.store.get("coupon", discount["coupon"], "coupon")
    [change] = details["items"]
    items = {item["id"]: item for item in subscription["items"]["data"]}
    current = items.get(change["id"], {"price": {"id": ""}, "quantity": 1})
    price_id = change["price"] or current["price"]["id"]
    price = account.store.get("price", price_id, "flow_data[subscription_update_confirm][items]")
    change["price"] = price["id"]
    change["quantity"] = current["quantity"] if change["quantity"] is None else change["quantity"]
    rules.check_change(configuration, subscription, price, change["quantity"], change["id"])


ROUTES = [Route("POST", "/v1/billing_portal/sessions", create)]
