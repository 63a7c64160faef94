"""Switching to another price or quantity, with a confirmation."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from sandbox import billing, discounts, subscriptions
from sandbox.errors import Refusal
from sandbox.pages.completion import complete
from sandbox.pages.rendering import page
from sandbox.pages.visit import Visit
from sandbox.portal import rules
from sandbox.shapes import Json

_MOST_SEATS = 1_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """The one change that a customer looks at."""

    subscription: Json
    item: Json
    price: Json
    quantity: int


def show_prices(visit: Visit, subscription_id: str, _values: dict[str, str]) -> Response:
    """The prices that the configuration offers in the subscription's currency."""
    subscription = visit.subscription(subscription_id)
    rules.check_update(visit.configuration, subscription)
    [item] = billing.items_of(subscription)
    store = visit.account.store
    prices = [store.get("price", each) for each in rules.offered_prices(visit.configuration)]
    return page(
        "switch.html",
        business=visit.account.business_name,
        visit=visit,
        subscription=subscription,
        item=item,
        offers=[
            {"price": price, "name": store.get("product", price["product"])["name"]}
            for price in prices
            if price["currency"] == subscription["currency"] and price["active"]
        ],
        quantity_allowed="quantity" in _allowed(visit),
    )


def _allowed(visit: Visit) -> list[str]:
    allowed: list[str] = visit.feature("subscription_update")["default_allowed_updates"]
    return allowed


def show_confirm(visit: Visit, subscription_id: str, values: dict[str, str]) -> Response:
    """What would change, and the button that does it."""
    change = _change(visit, subscription_id, values)
    product = visit.account.store.get("product", change.price["product"])
    return page(
        "confirm.html",
        business=visit.account.business_name,
        visit=visit,
        change=change,
        name=product["name"],
        later=_waits_for_period_end(visit, change),
        fixed=_is_given(visit),
    )


def _is_given(visit: Visit) -> bool:
    return visit.flow is not None and visit.flow["type"] == "subscription_update_confirm"


def confirm(visit: Visit, subscription_id: str, values: dict[str, str]) -> Response:
    """Switch, now or at the end of the period as the configuration says."""
    account = visit.account
    change = _change(visit, subscription_id, values)
    subscription = change.subscription
    if _waits_for_period_end(visit, change):
        subscriptions.schedule_switch(account, subscription, change.price, change.quantity)
        return complete(visit)
    settings = visit.feature("subscription_update")
    after = billing.switched(
        subscription, change.item["id"], change.price, change.quantity, account.now
    )
    if _is_given(visit) and visit.flow is not None:
        for discount in visit.flow["subscription_update_confirm"]["discounts"]:
            after = discounts.granted(account, after, discount["coupon"])
    ends_trial = settings["trial_update_behavior"] == "end_trial"
    if subscription["status"] == "trialing" and ends_trial:
        subscriptions.end_trial(account, subscription, after, at_once=True)
    else:
        subscriptions.change_items(account, subscription, after, settings["proration_behavior"])
    return complete(visit)


def _change(visit: Visit, subscription_id: str, values: dict[str, str]) -> Change:
    """The change that the flow gives or the form asks for; raises `Refusal` if not allowed."""
    subscription = visit.subscription(subscription_id)
    rules.check_update(visit.configuration, subscription)
    [item] = billing.items_of(subscription)
    if _is_given(visit) and visit.flow is not None:
        [given] = visit.flow["subscription_update_confirm"]["items"]
        price_id, quantity = given["price"], given["quantity"]
    else:
        price_id = values.get("price", "")
        quantity = _quantity(values.get("quantity"), item)
    price = visit.account.store.get("price", price_id, "price")
    rules.check_change(visit.configuration, subscription, price, quantity, item["id"])
    return Change(subscription, item, price, quantity)


def _quantity(text: str | None, item: Json) -> int:
    if not text:
        return int(item["quantity"])
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_SEATS:
        raise Refusal("Please give the quantity as a whole number of at least 1.")
    return int(text)


def _waits_for_period_end(visit: Visit, change: Change) -> bool:
    """Whether the configuration postpones this change, as it can for downgrades."""
    scheduling = visit.feature("subscription_update")["schedule_at_period_end"]
    conditions = {each["type"] for each in scheduling["conditions"]}
    if change.subscription["status"] == "trialing":
        return False
    old, new = change.item["price"], change.price
    amount_falls = (
        new["unit_amount"] * change.quantity < old["unit_amount"] * change.item["quantity"]
    )
    shortens = old["recurring"]["interval"] == "year" and new["recurring"]["interval"] != "year"
    return ("decreasing_item_amount" in conditions and amount_falls) or (
        "shortening_interval" in conditions and shortens
    )
