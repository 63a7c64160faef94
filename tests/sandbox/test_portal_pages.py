"""The hosted portal, used as a customer uses it: by the names of buttons and links."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.browser import Browser
from tests.sandbox.conftest import BOTH_MODES, RETURN_URL, Mode, World
from tests.support import patient

UPDATED = "customer.subscription.updated"
DONE_URL = "https://app.example/done"
REDIRECT = {"type": "redirect", "redirect": {"return_url": DONE_URL}}


@BOTH_MODES
def test_cancelling_with_a_reason_and_taking_it_back(open_world: World, mode: Mode) -> None:
    """Classic sets the flag and `cancel_at`, flexible `cancel_at` alone; undo clears them."""
    subscription = open_world.subscription(mode)
    end = subscription.items.data[0].current_period_end
    browser = open_world.visit(subscription).press("Cancel plan").press("Cancel plan")
    assert "Your plan has been canceled" in browser.page
    browser.press("Submit feedback", choose="It's too expensive", comment="<b>bye</b>")
    assert "will be canceled on" in browser.page

    after = open_world.read(subscription)
    assert after.status == "active"
    assert after.cancel_at_period_end == (mode == "classic")
    assert after.cancel_at == end
    assert after.canceled_at is not None
    [canceled, told] = open_world.delivered().wait_for(UPDATED, 2)
    if told.previous.keys() != {"cancellation_details"}:
        canceled, told = told, canceled
    assert told.previous == {"cancellation_details": {"comment": None, "feedback": None}}
    assert told.object["cancellation_details"]["comment"] == "<b>bye</b>"
    assert told.object["cancellation_details"]["feedback"] == "too_expensive"
    fields = {"cancel_at", "canceled_at", "cancellation_details"}
    assert canceled.previous.keys() == fields | (
        {"cancel_at_period_end"} if mode == "classic" else set()
    )

    browser.press("Don't cancel plan")
    assert open_world.read(subscription).to_dict() == subscription.to_dict()
    assert open_world.delivered().wait_for(UPDATED, 3)[-1].previous["cancel_at"] == end


@BOTH_MODES
def test_the_subscription_ends_at_the_very_moment_that_was_announced(
    open_world: World, mode: Mode
) -> None:
    subscription = open_world.subscription(mode)
    end = subscription.items.data[0].current_period_end
    open_world.visit(subscription, "subscription_cancel").press("Cancel plan").press("No thanks")
    open_world.control.advance_past(subscription.id)
    [deleted] = open_world.delivered().of_type("customer.subscription.deleted")
    assert deleted.event["created"] == end
    assert deleted.object["ended_at"] == end
    assert deleted.object["canceled_at"] < end
    assert deleted.object["cancellation_details"]["reason"] == "cancellation_requested"


def test_a_flow_shows_nothing_but_its_own_screen(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_cancel")
    assert browser.has_button("Cancel plan")
    assert not browser.has_button("Update plan")
    assert "Invoice history" not in browser.page
    start = browser.address.split("/cancel/")[0]
    elsewhere = Browser().open(f"{start}/card")
    assert elsewhere.address == browser.address
    assert browser.link("Return to Northwind Cloud") == RETURN_URL


def test_a_flow_can_end_by_going_back_to_where_it_came_from(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_cancel", after_completion=REDIRECT)
    browser.press("Cancel plan").press("No thanks")
    assert browser.address == DONE_URL


def test_a_flow_can_end_with_a_confirmation(open_world: World) -> None:
    subscription = open_world.subscription()
    message = {"custom_message": "See you <soon>"}
    completion = {"type": "hosted_confirmation", "hosted_confirmation": message}
    browser = open_world.visit(subscription, "payment_method_update", after_completion=completion)
    browser.press("Save card")
    assert "See you &lt;soon&gt;" in browser.page
    assert browser.link("Return to Northwind Cloud") == RETURN_URL


def test_a_flow_ends_at_the_portals_home_by_default(open_world: World) -> None:
    browser = open_world.visit(open_world.subscription(), "subscription_cancel")
    browser.press("Cancel plan").press("No thanks")
    assert browser.has_button("Don't cancel plan")


def test_cancelling_at_once_ends_the_plan(open_world: World) -> None:
    configurations = open_world.v1.billing_portal.configurations
    [default] = configurations.list({"is_default": True}).data
    at_once: Any = {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    configurations.update(default.id, at_once)
    subscription = open_world.subscription()
    open_world.visit(subscription, "subscription_cancel").press("Cancel plan").press("No thanks")
    assert open_world.read(subscription).status == "canceled"


def test_an_offer_can_keep_the_customer(open_world: World) -> None:
    open_world.v1.coupons.create(
        {"id": "stay", "percent_off": 25, "duration": "repeating", "duration_in_months": 3}
    )
    subscription = open_world.subscription()
    retention = {"type": "coupon_offer", "coupon_offer": {"coupon": "stay"}}
    details = {"subscription": subscription.id, "retention": retention}
    browser = open_world.visit(
        subscription, "subscription_cancel", subscription_cancel=details, after_completion=REDIRECT
    )
    assert "25% off for 3 months" in browser.page
    browser.press("Accept offer")
    assert browser.address == DONE_URL
    after = open_world.read(subscription)
    assert after.cancel_at is None
    assert len(after.discounts) == 1


def test_switching_the_plan_shows_the_offers_and_asks_for_confirmation(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription).press("Update plan")
    assert browser.choices() == [
        "Pro, $49.00 per month (current plan)",
        "Pro, $490.00 per year",
        "Starter_Monthly, $19.00 per month",
    ]
    browser.press("Continue", choose="Starter_Monthly, $19.00 per month", quantity="3")
    assert open_world.read(subscription).items.data[0].quantity == 1
    browser.press("Confirm")
    item = open_world.read(subscription).items.data[0]
    assert (item.price.lookup_key, item.quantity) == ("starter_monthly", 3)
    [updated] = open_world.delivered().of_type(UPDATED)
    assert updated.previous["items"]["data"][0]["price"]["lookup_key"] == "pro_monthly"


@pytest.mark.parametrize("quantity", ["0", "-1", "many", "99999999"])
def test_a_senseless_quantity_is_refused_on_the_page(open_world: World, quantity: str) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_update")
    browser.press("Continue", quantity=quantity)
    assert browser.status == 400
    assert "Nothing was changed." in browser.page
    assert open_world.read(subscription).items.data[0].quantity == 1


def test_one_given_change_only_needs_to_be_confirmed(open_world: World) -> None:
    subscription = open_world.subscription()
    details = {
        "subscription": subscription.id,
        "items": [
            {
                "id": subscription.items.data[0].id,
                "price": open_world.prices["pro_yearly"],
            }
        ],
    }
    browser = open_world.visit(
        subscription,
        "subscription_update_confirm",
        subscription_update_confirm=details,
        after_completion=REDIRECT,
    )
    assert "Pro, $490.00 per year" in browser.page
    browser.press("Confirm")
    assert browser.address == DONE_URL
    assert open_world.read(subscription).items.data[0].price.lookup_key == "pro_yearly"


def test_switching_ends_a_trial_and_says_so(open_world: World) -> None:
    subscription = open_world.subscription(trial_period_days=14)
    browser = open_world.visit(subscription, "subscription_update")
    browser.press("Continue", choose="Pro, $490.00 per year").press("Confirm")
    assert open_world.read(subscription).status == "active"
    assert len(open_world.delivered().of_type("customer.subscription.trial_will_end")) == 1


def test_a_new_card_pays_from_now_on(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription).press("Update payment method")
    browser.press("Save card", choose="Visa that will be declined (•••• 0341)")
    assert "Visa •••• 0341" in browser.page
    [updated] = open_world.delivered().of_type("customer.updated")
    assert "default_payment_method" in updated.previous["invoice_settings"]
    open_world.control.advance_past(subscription.id)
    assert open_world.read(subscription).status == "past_due"


def test_billing_details_are_changed_by_the_customer(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription).press("Update information")
    browser.press("Save", name='"><script>alert(1)</script>', email="new@acme.example")
    assert "<script>" not in browser.page
    assert "&lt;script&gt;" in browser.page
    customer = open_world.v1.customers.retrieve(str(subscription.customer))
    assert customer.email == "new@acme.example"


def test_a_plan_can_be_paused_and_resumed(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_pause").press("Pause plan")
    assert "Your plan is paused." in browser.page
    assert open_world.read(subscription).status == "paused"
    browser.press("Resume plan")
    assert open_world.read(subscription).status == "active"


def test_invoices_can_be_read_and_an_open_one_paid(open_world: World) -> None:
    customer = open_world.customer(card="pm_card_chargeCustomerFail")
    subscription = open_world.subscription(customer=customer)
    assert subscription.status == "incomplete"
    home = Browser().open(open_world.portal(customer))
    number = next(text for text in home._read().links if text.endswith("-0001"))
    invoice = Browser().open(home.link(number))
    assert f"Invoice {number}" in invoice.page
    invoice.press("Pay invoice")
    assert "The card was declined." in invoice.page
    open_world.control.set_card(customer, declines=False)
    invoice.press("Pay invoice")
    assert not invoice.has_button("Pay invoice")
    assert open_world.read(subscription).status == "active"


def test_an_unused_address_dies_after_five_minutes(open_world: World) -> None:
    url = open_world.portal(open_world.customer())
    open_world.control.advance(seconds=295)
    fresh = open_world.portal(open_world.customer())
    open_world.control.advance(seconds=10)
    dead = Browser().open(url)
    assert dead.status == 410
    assert "This link has expired" in dead.page
    assert Browser().open(fresh).status == 200


def test_a_used_address_lives_for_an_hour_after_the_last_visit(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription)
    for _ in range(3):
        open_world.control.advance(seconds=3500)
        browser.open(browser.address)
        assert browser.status == 200
    open_world.control.advance(seconds=3605)
    assert browser.press("Cancel plan").status == 410
    assert open_world.read(subscription).cancel_at is None


def test_an_unknown_address_looks_like_an_expired_one(open_world: World) -> None:
    browser = Browser().open(f"{open_world.url}/p/session/test_nothing")
    assert browser.status == 410
    assert "This link has expired" in browser.page


def test_what_became_impossible_meanwhile_is_explained(open_world: World) -> None:
    subscription = open_world.subscription()
    browser = open_world.visit(subscription, "subscription_cancel")
    open_world.v1.subscriptions.cancel(subscription.id)
    browser.press("Cancel plan")
    assert browser.status == 400
    assert "already canceled" in browser.page


def test_pages_are_not_cached_framed_or_leaked(open_world: World) -> None:
    response = patient.get(open_world.portal(open_world.customer()))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Sandbox — stands in for Stripe" in response.text


def test_the_stylesheet_is_served(open_world: World) -> None:
    response = patient.get(f"{open_world.url}/static/sandbox.css")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/css")


def test_the_session_keeps_no_address_once_it_was_given_out(open_world: World) -> None:
    """The event carries the live address, as Stripe's does; by default no endpoint gets it."""
    url = open_world.portal(open_world.customer())
    [event] = open_world.v1.events.list({"type": "billing_portal.session.created"}).data
    assert event.data.object["url"] == url
    assert "billing_portal.session.created" not in open_world.delivered().types()


def test_a_customer_who_leaves_lands_on_a_page_that_stands_in_for_the_product(
    world: World,
) -> None:
    answer = patient.get(f"{world.url}/settings/billing")
    assert answer.status_code == 200
    assert "Your own product would answer here, at /settings/billing." in answer.text
