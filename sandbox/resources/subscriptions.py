"""Subscriptions: created, read, cancelled, resumed; `subscription_update` changes them."""

from __future__ import annotations

from sandbox import billing, cards, periods, subscriptions
from sandbox.account import Account
from sandbox.errors import Refusal, invalid, no_such
from sandbox.params import Params
from sandbox.rendering import FLEXIBLE_BY_DEFAULT_SINCE, is_before
from sandbox.resources import customers
from sandbox.resources.common import Call, Route, listing
from sandbox.resources.subscription_update import FEEDBACK, apply_cancellation_details, update
from sandbox.shapes import Json, copy_of
from sandbox.store import equal

_STATUSES = (
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "paused",
)
_PAYMENT_BEHAVIORS = (
    "allow_incomplete",
    "default_incomplete",
    "error_if_incomplete",
    "pending_if_incomplete",
)
_MOST_ITEMS = 20


def create(account: Account, call: Call) -> Json:
    """`POST /v1/subscriptions`."""
    params = call.params
    customer = customers.living(account, params.needed("customer"), "customer")
    lines = _lines(account, params)
    behavior = params.choice("payment_behavior", _PAYMENT_BEHAVIORS) or "allow_incomplete"
    method = params.text("default_payment_method")
    if method is not None:
        cards.owned(account, customer, method)
    terms = billing.Terms(
        subscription_id=account.ids.new("sub"),
        customer=customer["id"],
        lines=lines,
        now=account.now,
        flexible=flexible_mode(params, call.version),
        trial_end=trial_end(account, params),
        without_card=missing_card_behavior(params),
        payment_method=method,
        metadata=params.metadata(),
        description=params.text("description"),
    )
    coupons = tuple(each.needed("coupon") for each in params.each("discounts"))
    params.choice("collection_method", ("charge_automatically",))
    params.ignore("off_session", "payment_settings", "proration_behavior", "automatic_tax")
    params.finish()
    _check_lines(terms)
    if customer["currency"] is None:
        account.save({**customer, "currency": lines[0].price["currency"]})
    return subscriptions.begin(account, terms, payment_behavior=behavior, coupons=coupons)


def _lines(account: Account, params: Params) -> list[billing.Line]:
    lines = []
    for each in params.each("items"):
        price = account.store.get("price", each.needed("price"), each.path("price"))
        if not price["active"]:
            raise invalid(
                each.path("price"),
                "The price specified is inactive. This field only accepts active prices.",
            )
        quantity = each.integer("quantity", least=0)
        lines.append(
            billing.Line(
                account.ids.new("si"),
                price,
                1 if quantity is None else quantity,
                each.metadata(),
            )
        )
    if not lines:
        raise Refusal("Missing required param: items.", code="parameter_missing", param="items")
    if len(lines) > _MOST_ITEMS:
        raise invalid("items", f"A subscription holds at most {_MOST_ITEMS} items.")
    return lines


def _check_lines(terms: billing.Terms) -> None:
    prices = [line.price for line in terms.lines]
    if len({price["currency"] for price in prices}) > 1:
        raise invalid("items", "All prices on a subscription must have the same currency.")
    intervals = {
        (price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices
    }
    if len(intervals) > 1 and not terms.flexible:
        raise invalid(
            "items",
            "All prices on a subscription in classic billing mode must have the same"
            " `recurring.interval` and `recurring.interval_count`.",
        )
    if len({price["id"] for price in prices}) < len(prices):
        raise invalid("items", "Cannot add multiple subscription items with the same price.")


def flexible_mode(params: Params, version: str) -> bool:
    """The billing mode asked for; flexible is the default since 2025-09-30."""
    mode = params.nested("billing_mode")
    asked = mode.choice("type", ("classic", "flexible"), required=True) if mode else None
    if mode:
        mode.ignore("flexible")
    if asked is not None:
        return asked == "flexible"
    return not is_before(version, FLEXIBLE_BY_DEFAULT_SINCE)


def trial_end(account: Account, params: Params) -> int | None:
    """When the trial asked for ends, from `trial_period_days` or `trial_end`."""
    days = params.integer("trial_period_days", least=1, most=730)
    moment = params.moment("trial_end", words=("now",))
    if days is not None and moment is not None:
        raise invalid("trial_end", "You may only specify one of trial_end, trial_period_days.")
    if days is not None:
        return account.now + days * periods.DAY
    if isinstance(moment, int) and moment <= account.now:
        raise invalid("trial_end", "The trial end must be in the future.")
    return moment if isinstance(moment, int) else None


def missing_card_behavior(params: Params) -> str:
    """What happens at the end of a trial without a card."""
    settings = params.nested("trial_settings")
    ending = settings.nested("end_behavior") if settings else None
    choices = ("cancel", "create_invoice", "pause")
    asked = ending.choice("missing_payment_method", choices) if ending else None
    return asked or "create_invoice"


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/subscriptions/{id}`."""
    call.params.finish()
    return account.store.get("subscription", call.ids["id"])


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/subscriptions`; without `status`, those not canceled."""
    params = call.params
    status = params.choice("status", (*_STATUSES, "all", "ended"))
    where: list[tuple[str, object]] = []
    if status is None:
        where.append(("json_extract(json, '$.status') != 'canceled'", None))
    elif status == "ended":
        ended = "json_extract(json, '$.status') IN ('canceled', 'incomplete_expired')"
        where.append((ended, None))
    elif status != "all":
        where.append(equal("$.status", status))
    customer = params.text("customer")
    if customer is not None:
        where.append(equal("customer", customer))
    price = params.text("price")
    if price is not None:
        carries = (
            "EXISTS (SELECT 1 FROM json_each(json, '$.items.data') AS item"
            " WHERE json_extract(item.value, '$.price.id') = ?)"
        )
        where.append((carries, price))
    return listing(account, call, "subscription", *where)


def cancel(account: Account, call: Call) -> Json:
    """`DELETE /v1/subscriptions/{id}`: ends it now."""
    params = call.params
    subscription = account.store.get("subscription", call.ids["id"])
    details = params.nested("cancellation_details")
    feedback = details.choice("feedback", FEEDBACK) if details else None
    comment = details.text("comment") if details else None
    params.boolean("invoice_now")
    params.boolean("prorate")
    params.finish()
    if subscription["status"] in billing.FINAL:
        raise no_such("subscription", subscription["id"])
    asked = copy_of(subscription)
    apply_cancellation_details(asked, feedback, comment)
    return subscriptions.end(account, asked, "cancellation_requested")


def pause(account: Account, call: Call) -> Json:
    """`POST /v1/subscriptions/{id}/pause`, in flexible billing mode only."""
    params = call.params
    subscription = account.store.get("subscription", call.ids["id"])
    params.choice("type", ("subscription",))
    params.ignore("bill_for", "invoicing_behavior")
    params.finish()
    check_can_pause(subscription)
    return subscriptions.pause(account, subscription, "pause_requested")


def check_can_pause(subscription: Json) -> None:
    """Raise `Refusal` where Stripe does not pause."""
    if not billing.is_flexible(subscription):
        raise Refusal(
            "This subscription cannot be paused because its billing mode is classic. Migrate it to"
            " flexible billing mode first."
        )
    if subscription["schedule"] is not None:
        raise Refusal("This subscription cannot be paused because a schedule is attached to it.")
    if subscription["status"] not in {"active", "trialing"}:
        status = subscription["status"]
        raise Refusal(f"This subscription cannot be paused because its status is {status}.")


def resume(account: Account, call: Call) -> Json:
    """`POST /v1/subscriptions/{id}/resume`, once it is paused."""
    params = call.params
    subscription = account.store.get("subscription", call.ids["id"])
    anchor = params.nested("billing_cycle_anchor")
    kind = anchor.choice("type", ("now", "unchanged"), required=True) if anchor else "now"
    params.ignore("proration_behavior", "proration_date")
    params.finish()
    if subscription["status"] != "paused":
        raise Refusal(
            "Subscription cannot be resumed: its status is"
            f" {subscription['status']} and only a paused subscription can be resumed."
        )
    return subscriptions.resume(account, subscription, anew=kind == "now")


ROUTES = [
    Route("POST", "/v1/subscriptions", create),
    Route("GET", "/v1/subscriptions", list_all),
    Route("GET", "/v1/subscriptions/{id}", retrieve),
    Route("POST", "/v1/subscriptions/{id}", update),
    Route("DELETE", "/v1/subscriptions/{id}", cancel),
    Route("POST", "/v1/subscriptions/{id}/pause", pause),
    Route("POST", "/v1/subscriptions/{id}/resume", resume),
]
