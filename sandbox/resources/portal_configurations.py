"""Portal configurations: what customers may do in the portal."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.errors import Refusal, invalid, missing_parameter
from sandbox.params import Params
from sandbox.portal.configuration import KIND, MOST_PRODUCTS, blank_features, new
from sandbox.resources.common import Call, Route, listing
from sandbox.resources.subscription_update import FEEDBACK
from sandbox.shapes import Json, copy_of
from sandbox.store import equal

_CUSTOMER_FIELDS = ("address", "email", "name", "phone", "shipping", "tax_id")


def create(account: Account, call: Call) -> Json:
    """`POST /v1/billing_portal/configurations`; `features` is required."""
    params = call.params
    if params.nested("features") is None:
        raise missing_parameter("features")
    configuration = new(account, blank_features())
    _apply(account, params, configuration)
    params.finish()
    return account.record(configuration, "billing_portal.configuration.created")


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/billing_portal/configurations/{id}`."""
    call.params.finish()
    return account.store.get(KIND, call.ids["id"])


def update(account: Account, call: Call) -> Json:
    """`POST /v1/billing_portal/configurations/{id}`."""
    params = call.params
    configuration = account.store.get(KIND, call.ids["id"])
    after = copy_of(configuration)
    active = params.boolean("active")
    if active is not None:
        after["active"] = active
    _apply(account, params, after)
    params.finish()
    if after["is_default"] and not after["active"]:
        raise invalid("active", "You cannot deactivate the default configuration.")
    if after != configuration:
        after["updated"] = account.now
    return account.change(configuration, after, "billing_portal.configuration.updated")


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/billing_portal/configurations`, by `active` or `is_default`."""
    where = []
    for name in ("active", "is_default"):
        value = call.params.boolean(name)
        if value is not None:
            where.append(equal(f"$.{name}", int(value)))
    return listing(account, call, KIND, *where)


def _apply(account: Account, params: Params, configuration: Json) -> None:
    profile = params.nested("business_profile")
    if profile is not None:
        shown = configuration["business_profile"]
        if profile.has("headline"):
            shown["headline"] = profile.text("headline", longest=60)
        for name in ("privacy_policy_url", "terms_of_service_url"):
            if profile.has(name):
                shown[name] = profile.url(name)
    if params.has("default_return_url"):
        configuration["default_return_url"] = params.url("default_return_url")
    if params.has("name"):
        configuration["name"] = params.text("name")
    login = params.nested("login_page")
    if login is not None:
        enabled = login.boolean("enabled") or False
        url = account.page_url("p", "login", configuration["id"]) if enabled else None
        configuration["login_page"] = {"enabled": enabled, "url": url}
    configuration["metadata"] = params.metadata(configuration["metadata"])
    features = params.nested("features")
    if features is not None:
        for name, apply in _FEATURES.items():
            feature = features.nested(name)
            if feature is not None:
                _apply_enabled(feature, configuration["features"][name])
                apply(account, feature, configuration["features"][name])


def _apply_enabled(params: Params, feature: Json) -> None:
    enabled = params.boolean("enabled")
    if enabled is not None:
        feature["enabled"] = enabled


def _customer_update(_: Account, params: Params, feature: Json) -> None:
    if params.has("allowed_updates"):
        feature["allowed_updates"] = _chosen(params, "allowed_updates", _CUSTOMER_FIELDS)
    if feature["enabled"] and not feature["allowed_updates"]:
        raise missing_parameter(params.path("allowed_updates"))


def _invoice_history(_: Account, params: Params, feature: Json) -> None:
    """Has nothing but `enabled`."""


def _payment_method_update(_: Account, params: Params, feature: Json) -> None:
    if params.has("payment_method_configuration"):
        feature["payment_method_configuration"] = params.text("payment_method_configuration")


def _subscription_cancel(_: Account, params: Params, feature: Json) -> None:
    feature["mode"] = params.choice("mode", ("at_period_end", "immediately")) or feature["mode"]
    behavior = params.choice("proration_behavior", ("none", "create_prorations"))
    feature["proration_behavior"] = behavior or feature["proration_behavior"]
    if feature["mode"] == "at_period_end" and feature["proration_behavior"] != "none":
        raise invalid(
            params.path("proration_behavior"),
            "proration_behavior must be `none` when the cancellation mode is `at_period_end`.",
        )
    reason = params.nested("cancellation_reason")
    if reason is not None:
        shown = feature["cancellation_reason"]
        _apply_enabled(reason, shown)
        if reason.has("options"):
            shown["options"] = _chosen(reason, "options", FEEDBACK)
        if reason.has("feedback_options"):
            shown["feedback_options"] = reason.texts("feedback_options") or None


def _subscription_pause(_: Account, params: Params, feature: Json) -> None:
    duration = params.nested("duration")
    if duration is None:
        return
    kind = duration.choice("type", ("indefinite", "interval_options"), required=True)
    options = [
        {
            "interval": each.choice("interval", ("day", "week", "month", "year"), required=True),
            "interval_count": each.integer("interval_count", least=1) or 1,
        }
        for each in duration.each("interval_options")
    ]
    feature["duration"] = {"type": kind, **({"interval_options": options} if options else {})}


def _subscription_update(account: Account, params: Params, feature: Json) -> None:
    if params.has("default_allowed_updates"):
        allowed = ("price", "promotion_code", "quantity")
        feature["default_allowed_updates"] = _chosen(params, "default_allowed_updates", allowed)
    if params.has("products"):
        offered = params.each("products")
        if len(offered) > MOST_PRODUCTS:
            raise invalid(
                params.path("products"), f"You can offer at most {MOST_PRODUCTS} products."
            )
        feature["products"] = [_offered_product(account, each) for each in offered]
    choices = {
        "proration_behavior": ("always_invoice", "create_prorations", "none"),
        "trial_update_behavior": ("continue_trial", "end_trial"),
        "billing_cycle_anchor": ("now", "unchanged"),
    }
    for name, options in choices.items():
        feature[name] = params.choice(name, options) or feature[name]
    scheduling = params.nested("schedule_at_period_end")
    if scheduling is not None:
        types = ("decreasing_item_amount", "shortening_interval")
        conditions = [
            {"type": each.choice("type", types, required=True)}
            for each in scheduling.each("conditions")
        ]
        scheduling.has("conditions")
        feature["schedule_at_period_end"] = {"conditions": conditions}
    if feature["enabled"]:
        for name in ("default_allowed_updates", "products"):
            if not feature[name]:
                raise missing_parameter(params.path(name))


def _offered_product(account: Account, params: Params) -> Json:
    product = account.store.get("product", params.needed("product"), params.path("product"))
    prices = [
        account.store.get("price", each, params.path("prices")) for each in params.texts("prices")
    ]
    intervals: set[tuple[str, str, int]] = set()
    for price in prices:
        if price["product"] != product["id"]:
            message = f"The price {price['id']} does not belong to the product {product['id']}."
            raise invalid(params.path("prices"), message)
        recurring = price["recurring"]
        interval = (price["currency"], recurring["interval"], recurring["interval_count"])
        if interval in intervals:
            raise invalid(
                params.path("prices"),
                "Each price of a product must have a different billing interval.",
            )
        intervals.add(interval)
    quantity = params.nested("adjustable_quantity")
    adjustable: Json = {"enabled": False, "maximum": None, "minimum": 1}
    if quantity is not None:
        adjustable = {
            "enabled": quantity.boolean("enabled") or False,
            "maximum": quantity.integer("maximum", least=1),
            "minimum": quantity.integer("minimum", least=0) or 1,
        }
    return {
        "adjustable_quantity": adjustable,
        "prices": [price["id"] for price in prices],
        "product": product["id"],
    }


def _chosen(params: Params, name: str, allowed: tuple[str, ...]) -> list[str]:
    chosen = params.texts(name)
    for each in chosen:
        if each not in allowed:
            raise Refusal(
                f"Invalid {params.path(name)}: must be one of {', '.join(allowed)}",
                param=params.path(name),
            )
    return chosen


_FEATURES = {
    "customer_update": _customer_update,
    "invoice_history": _invoice_history,
    "payment_method_update": _payment_method_update,
    "subscription_cancel": _subscription_cancel,
    "subscription_pause": _subscription_pause,
    "subscription_update": _subscription_update,
}

ROUTES = [
    Route("POST", "/v1/billing_portal/configurations", create),
    Route("GET", "/v1/billing_portal/configurations", list_all),
    Route("GET", "/v1/billing_portal/configurations/{id}", retrieve),
    Route("POST", "/v1/billing_portal/configurations/{id}", update),
]
