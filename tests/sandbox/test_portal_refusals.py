"""What Stripe refuses when a portal session is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.browser import Browser
from tests.sandbox.conftest import BOTH_MODES, RETURN_URL, Mode, World

FEATURES_OFF: Any = {
    "customer_update": {"enabled": False},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": False},
    "subscription_cancel": {"enabled": False},
    "subscription_pause": {"enabled": False},
    "subscription_update": {"enabled": False},
}


def refused(world: World, message: str, **params: Any) -> None:  # noqa: ANN401
    with pytest.raises(stripe.InvalidRequestError, match=message) as caught:
        world.v1.billing_portal.sessions.create(params)  # type: ignore[arg-type]
    assert caught.value.http_status == 400


def flow(kind: str, subscription: stripe.Subscription, **more: Any) -> Any:  # noqa: ANN401
    return {
        "customer": subscription.customer,
        "return_url": RETURN_URL,
        "flow_data": {"type": kind, kind: {"subscription": subscription.id, **more}},
    }


def test_without_a_default_configuration_nothing_opens(world: World) -> None:
    refused(
        world,
        "No configuration provided and your test mode default configuration has not been created",
        customer=world.customer(),
        return_url=RETURN_URL,
    )


def test_a_return_url_is_needed_unless_the_configuration_has_one(open_world: World) -> None:
    customer = open_world.customer()
    refused(open_world, "return_url", customer=customer)
    configuration = open_world.v1.billing_portal.configurations.create(
        {"features": FEATURES_OFF, "default_return_url": RETURN_URL}
    )
    session = open_world.v1.billing_portal.sessions.create(
        {"customer": customer, "configuration": configuration.id}
    )
    assert session.return_url == RETURN_URL


@pytest.mark.parametrize("url", ["/settings", "javascript:alert(1)", "app.example"])
def test_a_return_url_must_be_an_address(open_world: World, url: str) -> None:
    refused(open_world, "Not a valid URL", customer=open_world.customer(), return_url=url)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("subscription_cancel", "cannot be canceled because the subscription cancellation feature"),
        ("subscription_update", "cannot be updated because the subscription update feature in the"),
        ("subscription_pause", "cannot be paused because the subscription pause feature"),
        ("payment_method_update", "payment method update feature in the portal configuration"),
        ("customer_update", "customer update feature in the portal configuration is disabled"),
    ],
)
def test_a_flow_needs_its_feature(open_world: World, kind: str, message: str) -> None:
    configuration = open_world.v1.billing_portal.configurations.create({"features": FEATURES_OFF})
    subscription = open_world.subscription()
    params = flow(kind, subscription)
    if not kind.startswith("subscription"):
        params["flow_data"] = {"type": kind}
    refused(open_world, message, configuration=configuration.id, **params)


@BOTH_MODES
def test_a_pending_cancel_cannot_be_cancelled_again(open_world: World, mode: Mode) -> None:
    """Also when only `cancel_at` is set, as flexible billing mode does."""
    subscription = open_world.subscription(mode)
    open_world.v1.subscriptions.update(subscription.id, {"cancel_at": "max_period_end"})
    refused(
        open_world,
        "subscription is already set to be canceled at period end",
        **flow("subscription_cancel", subscription),
    )


def test_an_ended_subscription_has_no_flows_but_the_portal_opens(open_world: World) -> None:
    subscription = open_world.subscription()
    open_world.v1.subscriptions.cancel(subscription.id)
    for kind in ("subscription_cancel", "subscription_update"):
        refused(open_world, "already canceled", **flow(kind, subscription))
    browser = Browser().open(open_world.portal(str(subscription.customer)))
    assert "You have no plan at the moment." in browser.page
    assert "Invoice history" in browser.page


def test_confirming_what_is_already_so_is_refused(open_world: World) -> None:
    subscription = open_world.subscription()
    item = {"id": subscription.items.data[0].id, "price": open_world.prices["pro_monthly"]}
    refused(
        open_world,
        "there are no changes to confirm",
        **flow("subscription_update_confirm", subscription, items=[item]),
    )


def test_a_price_outside_the_configuration_cannot_be_confirmed(open_world: World) -> None:
    subscription = open_world.subscription()
    price = open_world.price("secret_monthly", 100)
    item = {"id": subscription.items.data[0].id, "price": price}
    refused(
        open_world,
        "not one of the prices",
        **flow("subscription_update_confirm", subscription, items=[item]),
    )


def test_several_items_cannot_be_updated_but_cancelled(open_world: World) -> None:
    subscription = open_world.subscription(
        items=[
            {"price": open_world.prices["pro_monthly"]},
            {"price": open_world.prices["starter_monthly"]},
        ]
    )
    refused(open_world, "multiple", **flow("subscription_update", subscription))
    open_world.v1.billing_portal.sessions.create(flow("subscription_cancel", subscription))


def test_a_scheduled_update_blocks_both_switching_and_cancelling(open_world: World) -> None:
    schedule_downgrades(open_world)
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_update")
    browser.press("Continue", choose="Starter_Monthly, $19.00 per month").press("Confirm")
    assert open_world.read(subscription).schedule is not None
    for kind in ("subscription_cancel", "subscription_update"):
        refused(open_world, "scheduled update", **flow(kind, subscription))


def schedule_downgrades(world: World) -> None:
    """Let smaller plans start at the end of the period."""
    configurations = world.v1.billing_portal.configurations
    [default] = configurations.list({"is_default": True}).data
    configurations.update(
        default.id,
        {
            "features": {
                "subscription_update": {
                    "enabled": True,
                    "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
                }
            }
        },
    )


def test_another_customers_subscription_is_refused(open_world: World) -> None:
    subscription = open_world.subscription()
    params = flow("subscription_cancel", subscription)
    params["customer"] = open_world.customer("Other")
    refused(open_world, "does not belong to the customer", **params)


def test_an_unknown_flow_and_a_missing_subscription_are_refused(open_world: World) -> None:
    customer = open_world.customer()
    rest: Any = {"customer": customer, "return_url": RETURN_URL}
    refused(open_world, "must be one of", flow_data={"type": "surprise"}, **rest)
    missing = r"Missing required param: flow_data\[subscription_cancel\]"
    refused(open_world, missing, flow_data={"type": "subscription_cancel"}, **rest)


def test_a_configuration_states_what_it_allows_and_is_listed(open_world: World) -> None:
    configurations = open_world.v1.billing_portal.configurations
    created = configurations.create({"features": FEATURES_OFF, "metadata": {"managed": "yes"}})
    updated = configurations.update(
        created.id,
        {
            "features": {
                "subscription_cancel": {
                    "enabled": True,
                    "cancellation_reason": {"enabled": True, "options": ["unused", "other"]},
                }
            }
        },
    )
    assert updated.features.subscription_cancel.mode == "at_period_end"
    assert not updated.features.subscription_update.enabled
    assert updated.metadata is not None
    assert updated.metadata["managed"] == "yes"
    assert {each.id for each in configurations.list().data} > {created.id}
    [default] = configurations.list({"is_default": True}).data
    assert default.id != created.id


@pytest.mark.parametrize(
    "features",
    [
        {"subscription_cancel": {"enabled": True, "mode": "someday"}},
        {"subscription_cancel": {"enabled": True, "proration_behavior": "create_prorations"}},
        {"subscription_update": {"enabled": True}},
        {"customer_update": {"enabled": True}},
        {"customer_update": {"enabled": True, "allowed_updates": ["shoe_size"]}},
        {"subscription_cancel": {"enabled": True, "surprise": True}},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(world: World, features: Any) -> None:  # noqa: ANN401
    with pytest.raises(stripe.InvalidRequestError):
        world.v1.billing_portal.configurations.create({"features": features})
    assert world.v1.billing_portal.configurations.list().data == []
