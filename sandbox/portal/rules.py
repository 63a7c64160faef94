"""What the portal refuses, in Stripe's words (https://docs.stripe.com/api/customer_portal)."""

from __future__ import annotations

from sandbox import billing
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.shapes import Json

NO_CONFIGURATION = (
    "No configuration provided and your test mode default configuration has not been created."
    " Provide a configuration or create your default by saving your customer portal settings in"
    " test mode at https://dashboard.stripe.com/test/settings/billing/portal."
)


def default_configuration(account: Account) -> Json:
    """The account's default configuration; raises `Refusal` if it was never saved."""
    for configuration in account.store.all("billing_portal.configuration"):
        if configuration["is_default"]:
            return configuration
    raise Refusal(NO_CONFIGURATION)


def feature(configuration: Json, name: str) -> Json:
    """A feature's settings."""
    settings: Json = configuration["features"][name]
    return settings


def check_cancel(configuration: Json, subscription: Json) -> None:
    """Raise `Refusal` if the customer cannot cancel this subscription in the portal."""
    _check_enabled(configuration, "subscription_cancel", "canceled", "subscription cancellation")
    _check_not_ended(subscription, "canceled")
    if billing.is_canceling(subscription):
        raise Refusal(
            "This subscription cannot be canceled because the subscription is already set to be"
            " canceled at period end."
        )
    _check_unscheduled(subscription, "canceled")


def check_update(configuration: Json, subscription: Json) -> None:
    """Raise `Refusal` if the customer cannot switch this subscription in the portal."""
    _check_enabled(configuration, "subscription_update", "updated", "subscription update")
    _check_not_ended(subscription, "updated")
    if len(billing.items_of(subscription)) > 1:
        raise Refusal(
            "This subscription cannot be updated because the subscription contains multiple"
            " products. Only subscriptions with a single item can be updated."
        )
    _check_unscheduled(subscription, "updated")


def check_pause(configuration: Json, subscription: Json) -> None:
    """Raise `Refusal` if the customer cannot pause this subscription in the portal."""
    _check_enabled(configuration, "subscription_pause", "paused", "subscription pause")
    _check_not_ended(subscription, "paused")
    if not billing.is_flexible(subscription):
        raise Refusal(
            "This subscription cannot be paused because its billing mode is classic. Only"
            " subscriptions in flexible billing mode can be paused."
        )
    if subscription["status"] == "paused":
        raise Refusal("This subscription cannot be paused because it is already paused.")
    _check_unscheduled(subscription, "paused")


def check_payment_method_update(configuration: Json) -> None:
    """Raise `Refusal` if customers cannot change their card in the portal."""
    if not feature(configuration, "payment_method_update")["enabled"]:
        raise Refusal(
            "The payment method cannot be updated because the payment method update feature in the"
            " portal configuration is disabled."
        )


def check_customer_update(configuration: Json) -> None:
    """Raise `Refusal` if customers cannot change their details in the portal."""
    if not feature(configuration, "customer_update")["enabled"]:
        raise Refusal(
            "The customer cannot be updated because the customer update feature in the portal"
            " configuration is disabled."
        )


def check_change(
    configuration: Json, subscription: Json, price: Json, quantity: int, item_id: str
) -> None:
    """Raise `Refusal` if the configuration does not offer this change, or it changes nothing."""
    item = next((each for each in billing.items_of(subscription) if each["id"] == item_id), None)
    if item is None:
        raise Refusal(
            f"The item {item_id} does not belong to the subscription {subscription['id']}."
        )
    if item["price"]["id"] == price["id"] and item["quantity"] == quantity:
        raise Refusal(
            "This subscription cannot be updated because there are no changes to confirm."
        )
    offered = offered_prices(configuration)
    if price["id"] not in offered and price["id"] != item["price"]["id"]:
        raise Refusal(
            f"The price {price['id']} is not one of the prices in the portal configuration's"
            " products."
        )
    if price["currency"] != subscription["currency"]:
        raise Refusal(
            "This subscription cannot be updated because the price's currency differs from the"
            " subscription's."
        )
    allowed = feature(configuration, "subscription_update")["default_allowed_updates"]
    if quantity != item["quantity"] and "quantity" not in allowed:
        raise Refusal(
            "This subscription cannot be updated because quantity is not among the allowed updates"
            " in the portal configuration."
        )
    if price["id"] != item["price"]["id"] and "price" not in allowed:
        raise Refusal(
            "This subscription cannot be updated because price is not among the allowed updates in"
            " the portal configuration."
        )


def offered_prices(configuration: Json) -> list[str]:
    """The ids of the prices to which customers may switch."""
    products = feature(configuration, "subscription_update")["products"] or []
    return [price for product in products for price in product["prices"]]


def _check_enabled(configuration: Json, name: str, participle: str, spoken: str) -> None:
    if not feature(configuration, name)["enabled"]:
        raise Refusal(
            f"This subscription cannot be {participle} because the {spoken} feature in the portal"
            " configuration is disabled."
        )


def _check_not_ended(subscription: Json, participle: str) -> None:
    if subscription["status"] in billing.FINAL:
        raise Refusal(f"This subscription cannot be {participle} because it is already canceled.")


def _check_unscheduled(subscription: Json, participle: str) -> None:
    if subscription["schedule"] is not None:
        raise Refusal(
            f"This subscription cannot be {participle} because it has a scheduled update. Only"
            " subscriptions without a subscription schedule can be changed in the portal."
        )
