"""Checkout: the hosted page on which somebody subscribes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.browser import Browser
from tests.sandbox.conftest import World

SUCCESS_URL = "https://app.example/welcome?session={CHECKOUT_SESSION_ID}"


def session(world: World, **more: Any) -> stripe.checkout.Session:  # noqa: ANN401
    params: Any = {
        "mode": "subscription",
        "line_items": [{"price": world.price("pro_monthly"), "quantity": 2}],
        "success_url": SUCCESS_URL,
        "cancel_url": "https://app.example/pricing",
        "client_reference_id": "org_new",
        **more,
    }
    return world.v1.checkout.sessions.create(params)


def test_a_stranger_subscribes_and_becomes_a_customer(world: World) -> None:
    opened = session(world, metadata={"from": "console"})
    browser = Browser().open(str(opened.url))
    assert "$98.00 per month" in browser.page
    assert browser.link("Back to Northwind Cloud") == "https://app.example/pricing"
    browser.press("Subscribe", email="new@org.example", name="Ada")
    assert browser.address == SUCCESS_URL.replace("{CHECKOUT_SESSION_ID}", opened.id)

    done = world.v1.checkout.sessions.retrieve(opened.id)
    assert (done.status, done.payment_status) == ("complete", "paid")
    receiver = world.delivered()
    [completed] = receiver.of_type("checkout.session.completed")
    assert completed.object["client_reference_id"] == "org_new"
    assert completed.object["metadata"] == {"from": "console"}
    [created] = receiver.of_type("customer.subscription.created")
    assert created.object["customer"] == completed.object["customer"] == done.customer
    assert created.object["id"] == completed.object["subscription"]
    assert len(receiver.of_type("invoice.paid")) == 1
    customer = world.v1.customers.retrieve(str(done.customer))
    assert (customer.name, customer.email) == ("Ada", "new@org.example")


def test_a_known_customer_subscribes_as_itself(world: World) -> None:
    customer = world.customer(card=None)
    opened = session(world, customer=customer)
    Browser().open(str(opened.url)).press("Subscribe")
    [subscription] = world.v1.subscriptions.list({"customer": customer}).data
    assert subscription.items.data[0].quantity == 2
    assert len(world.v1.customers.list().data) == 1


def test_a_declined_card_leaves_nothing_behind_and_can_be_replaced(world: World) -> None:
    browser = Browser().open(str(session(world, customer_email="a@x.example").url))
    declined = "Visa that will be declined (•••• 0341)"
    browser.press("Subscribe", choose=declined)
    assert browser.status == 402
    assert "Your card was declined. You were not charged." in browser.page
    assert world.v1.customers.list().data == []
    assert world.v1.subscriptions.list({"status": "all"}).data == []
    browser.press("Subscribe")
    assert len(world.v1.subscriptions.list().data) == 1


def test_a_trial_needs_no_payment_yet(world: World) -> None:
    opened = session(world, subscription_data={"trial_period_days": 7, "metadata": {"a": "b"}})
    Browser().open(str(opened.url)).press("Subscribe", email="a@x.example")
    done = world.v1.checkout.sessions.retrieve(opened.id, {"expand": ["subscription"]})
    assert done.payment_status == "no_payment_required"
    assert isinstance(done.subscription, stripe.Subscription)
    assert done.subscription.status == "trialing"
    assert done.subscription.metadata["a"] == "b"


def test_a_session_expires_by_itself_or_on_request(world: World) -> None:
    first, second = session(world), session(world)
    world.v1.checkout.sessions.expire(first.id)
    world.control.advance(days=1.01)
    assert world.v1.checkout.sessions.retrieve(second.id).status == "expired"
    page = Browser().open(str(second.url))
    assert page.status == 410
    assert len(world.delivered().of_type("checkout.session.expired")) == 2


def test_a_completed_session_cannot_be_paid_again(world: World) -> None:
    opened = session(world)
    browser = Browser().open(str(opened.url)).press("Subscribe", email="a@x.example")
    assert "You are all done here" in browser.open(str(opened.url)).page
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        world.v1.checkout.sessions.expire(opened.id)


def test_payment_method_types_are_no_longer_supported(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        session(world, payment_method_types=["card"])
    assert caught.value.code == "payment_method_types_no_longer_supported"


def test_customer_and_email_exclude_each_other(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        session(world, customer=world.customer(), customer_email="a@x.example")
