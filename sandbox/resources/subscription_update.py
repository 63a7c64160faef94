"""`POST /v1/subscriptions/{id}`: what can be changed on a subscription."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import billing, cards, discounts, subscriptions
from sandbox.account import Account
from sandbox.errors import Refusal, invalid
from sandbox.params import Params
from sandbox.resources.common import Call
from sandbox.shapes import Json, copy_of, overlaid

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
PRORATIONS = ("always_invoice", "create_prorations", "none")


@dataclass(frozen=True, slots=True)
class ItemChange:
    """What a request does to one item; `item_id` None adds one."""

    item_id: str | None
    price: Json | None
    quantity: int | None
    deleted: bool
    metadata: dict[str, str]


def update(account: Account, call: Call) -> Json:
    """Change a subscription. One event tells all that changed, apart from items."""
    params = call.params
    before = account.store.get("subscription", call.ids["id"])
    after = copy_of(before)
    items = [_item_change(account, each) for each in params.each("items")]
    proration = params.choice("proration_behavior", PRORATIONS) or "create_prorations"
    trial = params.moment("trial_end", words=("now",))
    coupons = [each.needed("coupon") for each in params.each("discounts")]
    _apply_plain(account, params, after)
    _apply_cancellation(account, params, after)
    _apply_pause_collection(account, params, after)
    params.ignore("payment_behavior", "off_session", "proration_date", "payment_settings")
    params.ignore("billing_cycle_anchor", "trial_settings", "automatic_tax")
    params.finish()
    _check_living(before, after, changes_items=bool(items) or trial is not None)
    for coupon in coupons:
        after = discounts.granted(account, after, coupon, "discounts[0][coupon]")
    after = _apply_trial(account, after, trial)
    for change in items:
        after = _apply_item(account, after, change)
    _check_items(after)
    if before["status"] == "trialing" and trial == "now":
        return subscriptions.end_trial(account, before, after, at_once=True)
    if items:
        return subscriptions.change_items(account, before, after, proration)
    return account.change(before, after, subscriptions.UPDATED)


def _item_change(account: Account, params: Params) -> ItemChange:
    price = params.text("price")
    return ItemChange(
        item_id=params.text("id"),
        price=account.store.get("price", price, params.path("price")) if price else None,
        quantity=params.integer("quantity", least=0),
        deleted=params.boolean("deleted") or False,
        metadata=params.metadata(),
    )


def _apply_item(account: Account, after: Json, change: ItemChange) -> Json:
    items = billing.items_of(after)
    if change.item_id is None:
        if change.price is None:
            raise Refusal("Missing required param: items[0][price].", code="parameter_missing")
        quantity = 1 if change.quantity is None else change.quantity
        line = billing.Line(account.ids.new("si"), change.price, quantity, change.metadata)
        items.append(billing.item(after, line, account.now))
        return billing.settled(after)
    known = {each["id"]: each for each in items}
    if change.item_id not in known:
        raise invalid("items[0][id]", f"No such subscription_item: '{change.item_id}'")
    item = known[change.item_id]
    if change.deleted:
        items.remove(item)
        return billing.settled(after) if items else after
    item["metadata"] = {**item["metadata"], **change.metadata}
    price = change.price or item["price"]
    quantity = item["quantity"] if change.quantity is None else change.quantity
    return billing.switched(after, change.item_id, price, quantity, account.now)


def _check_items(after: Json) -> None:
    items = billing.items_of(after)
    if not items:
        raise invalid("items", "A subscription must have at least one active item.")
    if len({each["price"]["currency"] for each in items}) > 1:
        raise invalid("items", "All prices on a subscription must have the same currency.")


def _check_living(before: Json, after: Json, *, changes_items: bool) -> None:
    if before["status"] not in billing.FINAL:
        return
    allowed = {"cancellation_details", "metadata"}
    changed = {name for name in after if after[name] != before[name]}
    if changes_items or changed - allowed:
        raise Refusal(
            "A canceled subscription can only update its cancellation_details and metadata."
        )


def _apply_plain(account: Account, params: Params, after: Json) -> None:
    after["metadata"] = params.metadata(after["metadata"])
    if params.has("description"):
        after["description"] = params.text("description")
    if params.has("default_payment_method"):
        method = params.text("default_payment_method")
        customer = account.store.get("customer", after["customer"])
        after["default_payment_method"] = (
            cards.owned(account, customer, method)["id"] if method else None
        )


def _apply_cancellation(account: Account, params: Params, after: Json) -> None:
    flag = params.boolean("cancel_at_period_end")
    sets_moment = params.has("cancel_at")
    moment = params.moment("cancel_at", words=("min_period_end", "max_period_end"))
    details = params.nested("cancellation_details")
    feedback = details.choice("feedback", FEEDBACK) if details else None
    comment = details.text("comment") if details else None
    if flag is not None and moment is not None:
        raise Refusal(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        )
    if flag is True:
        after.update(billing.canceling(after, account.now, flag_only=True))
    elif moment is not None:
        after.update(billing.canceling_at(after, _end(account, after, moment), account.now))
    elif flag is False or sets_moment:
        after.update(billing.not_canceling(after))
    apply_cancellation_details(after, feedback, comment)


def _end(account: Account, after: Json, moment: int | str) -> int:
    if moment == "min_period_end":
        return billing.first_period_end(after)
    if moment == "max_period_end":
        return billing.last_period_end(after)
    if int(moment) <= account.now:
        raise invalid("cancel_at", "cancel_at must be in the future.")
    return int(moment)


def apply_cancellation_details(after: Json, feedback: str | None, comment: str | None) -> None:
    """Note why the customer leaves, keeping what is not given."""
    if feedback is not None:
        after["cancellation_details"]["feedback"] = feedback
    if comment is not None:
        after["cancellation_details"]["comment"] = comment


def _apply_pause_collection(account: Account, params: Params, after: Json) -> None:
    if not params.has("pause_collection"):
        return
    pause = params.nested("pause_collection")
    if pause is None:
        after["pause_collection"] = None
        return
    behaviors = ("keep_as_draft", "mark_uncollectible", "void")
    behavior = pause.choice("behavior", behaviors, required=True)
    resumes_at = pause.integer("resumes_at")
    if resumes_at is not None and resumes_at <= account.now:
        raise invalid("pause_collection[resumes_at]", "resumes_at must be in the future.")
    after["pause_collection"] = {"behavior": behavior, "resumes_at": resumes_at}


def _apply_trial(account: Account, after: Json, trial: int | str | None) -> Json:
    if trial is None or trial == "now":
        return after
    moment = int(trial)
    if moment <= account.now:
        raise invalid("trial_end", "The trial end must be in the future.")
    after = overlaid(after, {"status": "trialing", "trial_end": moment, "_trial_warned": False})
    after["trial_start"] = after["trial_start"] or account.now
    after["billing_cycle_anchor"] = moment
    for item in billing.items_of(after):
        item["current_period_end"] = moment
    return billing.settled(after)
