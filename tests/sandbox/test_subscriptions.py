"""Subscriptions over the API, in both billing modes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import BOTH_MODES, Mode, World

CARD_THAT_FAILS = "pm_card_chargeCustomerFail"


def period_end(subscription: stripe.Subscription) -> int:
    return subscription.items.data[0].current_period_end


@pytest.mark.parametrize(
    ("version", "mode"),
    [("2024-06-20", "classic"), ("2025-08-27.basil", "classic"), (None, "flexible")],
)
def test_flexible_is_the_default_since_clover(world: World, version: str | None, mode: str) -> None:
    subscription = world.client(version).v1.subscriptions.create(
        {"customer": world.customer(), "items": [{"price": world.price("pro_monthly")}]}
    )
    assert world.read(subscription).billing_mode.type == mode


def test_an_active_subscription_tells_everything_in_its_created_event(world: World) -> None:
    subscription = world.subscription(items=[{"price": world.price("pro_monthly"), "quantity": 7}])
    assert (subscription.status, subscription.items.data[0].quantity) == ("active", 7)
    receiver = world.delivered()
    [created] = receiver.of_type("customer.subscription.created")
    assert created.object["status"] == "active"
    assert created.object["quantity"] == 7
    assert created.object["latest_invoice"] == subscription.latest_invoice
    [paid] = receiver.of_type("invoice.paid")
    assert paid.object["amount_paid"] == 7 * 4900


def test_the_deprecated_flag_sets_cancel_at_only_in_classic_mode(world: World) -> None:
    classic = world.subscription("classic")
    after = world.v1.subscriptions.update(classic.id, {"cancel_at_period_end": True})
    assert (after.cancel_at_period_end, after.cancel_at) == (True, period_end(classic))
    flexible = world.subscription("flexible")
    after = world.v1.subscriptions.update(flexible.id, {"cancel_at_period_end": True})
    assert (after.cancel_at_period_end, after.cancel_at) == (True, None)
    world.control.advance_past(flexible.id)
    assert world.read(flexible).status == "canceled"


@pytest.mark.parametrize("word", ["min_period_end", "max_period_end"])
def test_an_end_can_be_named_by_the_periods_of_the_items(world: World, word: Any) -> None:  # noqa: ANN401
    subscription = world.subscription(
        items=[
            {"price": world.price("pro_monthly")},
            {"price": world.price("storage_yearly", 6000, interval="year")},
        ]
    )
    ends = [item.current_period_end for item in subscription.items.data]
    after = world.v1.subscriptions.update(subscription.id, {"cancel_at": word})
    assert after.cancel_at == (min(ends) if word == "min_period_end" else max(ends))
    assert not after.cancel_at_period_end


@BOTH_MODES
def test_undoing_a_cancellation_brings_the_same_fields_back(world: World, mode: Mode) -> None:
    subscription = world.subscription(mode)
    update = world.v1.subscriptions.update
    update(subscription.id, {"cancel_at": "max_period_end"})
    after = update(subscription.id, {"cancel_at": ""})
    assert after.to_dict() == subscription.to_dict()


def test_an_update_that_changes_nothing_sends_no_event(world: World) -> None:
    subscription = world.subscription()
    world.v1.subscriptions.update(subscription.id, {"metadata": {}})
    assert world.delivered().of_type("customer.subscription.updated") == []


def test_an_immediate_cancel_is_a_deleted_event_and_can_happen_once(world: World) -> None:
    subscription = world.subscription()
    after = world.v1.subscriptions.cancel(
        subscription.id, {"cancellation_details": {"feedback": "unused", "comment": "bye"}}
    )
    assert (after.status, after.ended_at) == ("canceled", after.canceled_at)
    [deleted] = world.delivered().of_type("customer.subscription.deleted")
    assert deleted.object["cancellation_details"] == {
        "comment": "bye",
        "feedback": "unused",
        "feedback_option": None,
        "reason": "cancellation_requested",
    }
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        world.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription can only"):
        world.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_canceled_subscriptions_are_listed_only_when_asked_for(world: World) -> None:
    kept, gone = world.subscription(), world.subscription()
    world.v1.subscriptions.cancel(gone.id)
    listed = world.v1.subscriptions.list
    assert [each.id for each in listed().data] == [kept.id]
    assert [each.id for each in listed({"status": "canceled"}).data] == [gone.id]
    assert [each.id for each in listed({"status": "all"}).data] == [gone.id, kept.id]
    assert [each.id for each in listed({"customer": str(kept.customer)}).data] == [kept.id]


def test_without_a_card_a_subscription_is_refused(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        world.subscription(customer=world.customer(card=None))
    assert world.v1.subscriptions.list().data == []


def test_a_declined_first_payment_leaves_it_incomplete_until_it_expires(world: World) -> None:
    subscription = world.subscription(customer=world.customer(card=CARD_THAT_FAILS))
    assert subscription.status == "incomplete"
    world.control.advance(days=1)
    assert world.read(subscription).status == "incomplete_expired"


def test_a_first_payment_made_later_activates_the_subscription(world: World) -> None:
    subscription = world.subscription(payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    world.v1.invoices.pay(str(subscription.latest_invoice))
    assert world.read(subscription).status == "active"
    [updated] = world.delivered().of_type("customer.subscription.updated")
    assert updated.previous == {"status": "incomplete"}


def test_a_declined_card_can_refuse_the_whole_subscription(world: World) -> None:
    with pytest.raises(stripe.CardError) as caught:
        world.subscription(
            customer=world.customer(card=CARD_THAT_FAILS), payment_behavior="error_if_incomplete"
        )
    assert caught.value.http_status == 402
    assert world.v1.subscriptions.list({"status": "all"}).data == []


@BOTH_MODES
def test_switching_the_price_tells_the_old_items_whole(world: World, mode: Mode) -> None:
    subscription = world.subscription(mode)
    item = subscription.items.data[0]
    world.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item.id, "price": world.price("team_monthly", 9900), "quantity": 2}],
            "proration_behavior": "none",
        },
    )
    [updated] = world.delivered().of_type("customer.subscription.updated")
    [old] = updated.previous["items"]["data"]
    assert old["price"]["lookup_key"] == "pro_monthly"
    assert updated.previous["quantity"] == 1
    [new] = updated.object["items"]["data"]
    assert (new["price"]["lookup_key"], new["quantity"]) == ("team_monthly", 2)
    assert new["current_period_end"] == item.current_period_end


def test_always_invoice_bills_the_rest_of_the_period_at_once(world: World) -> None:
    subscription = world.subscription()
    half = (period_end(subscription) - world.control.now()) // 2
    world.control.advance(seconds=half)
    world.v1.subscriptions.update(
        subscription.id,
        {
            "items": [
                {"id": subscription.items.data[0].id, "price": world.price("team_monthly", 9900)}
            ],
            "proration_behavior": "always_invoice",
        },
    )
    newest = world.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert newest.billing_reason == "subscription_update"
    assert newest.amount_paid == pytest.approx(2500, abs=5)
    assert world.read(subscription).latest_invoice == newest.id


def test_create_prorations_wait_for_the_next_invoice(world: World) -> None:
    subscription = world.subscription()
    world.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": subscription.items.data[0].id, "quantity": 2}]},
    )
    assert len(world.v1.invoices.list({"subscription": subscription.id}).data) == 1
    world.control.advance_past(subscription.id)
    newest = world.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert newest.amount_paid == pytest.approx(3 * 4900, abs=5)


def test_a_new_interval_starts_a_new_period_and_bills_it(world: World) -> None:
    subscription = world.subscription("classic")
    before = world.control.advance(days=3)
    world.v1.subscriptions.update(
        subscription.id,
        {
            "items": [
                {
                    "id": subscription.items.data[0].id,
                    "price": world.price("pro_yearly", 49000, interval="year"),
                }
            ],
            "proration_behavior": "none",
        },
    )
    after = world.read(subscription)
    assert before <= after.items.data[0].current_period_start <= world.control.now()
    assert period_end(after) > world.control.now() + 364 * 86_400
    assert world.v1.invoices.list({"subscription": subscription.id}).data[0].amount_paid == 49000


def test_several_items_have_no_plan_or_quantity_of_the_subscription(world: World) -> None:
    world.subscription(
        items=[
            {"price": world.price("pro_monthly")},
            {"price": world.price("storage_monthly", 500), "quantity": 3},
        ]
    )
    [created] = world.delivered().of_type("customer.subscription.created")
    assert created.object["plan"] is None
    assert created.object["quantity"] is None
    assert len(created.object["items"]["data"]) == 2


def test_classic_mode_takes_one_interval_only(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="classic billing mode"):
        world.subscription(
            "classic",
            items=[
                {"price": world.price("pro_monthly")},
                {"price": world.price("storage_yearly", interval="year")},
            ],
        )


def test_ending_a_trial_now_bills_the_first_period(world: World) -> None:
    subscription = world.subscription(trial_period_days=14)
    assert subscription.status == "trialing"
    world.v1.subscriptions.update(subscription.id, {"trial_end": "now"})
    after = world.read(subscription)
    assert after.status == "active"
    assert world.v1.invoices.list({"subscription": subscription.id}).data[0].amount_paid == 4900
    assert len(world.delivered().of_type("customer.subscription.trial_will_end")) == 1


def test_pausing_collection_leaves_the_status_alone(world: World) -> None:
    subscription = world.subscription()
    world.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    world.control.advance_past(subscription.id)
    after = world.read(subscription)
    assert after.status == "active"
    assert after.pause_collection is not None
    newest = world.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert newest.status == "void"
    resumed = world.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert resumed.pause_collection is None


def test_pausing_needs_flexible_mode_and_resuming_needs_a_pause(world: World) -> None:
    classic, flexible = world.subscription("classic"), world.subscription("flexible")
    with pytest.raises(stripe.InvalidRequestError, match="billing mode is classic"):
        world.v1.subscriptions.pause(classic.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be resumed"):
        world.v1.subscriptions.resume(flexible.id)
    assert world.v1.subscriptions.pause(flexible.id).status == "paused"
    world.control.advance(days=100)
    assert world.read(flexible).status == "paused"
    assert world.v1.subscriptions.resume(flexible.id).status == "active"
    types = world.delivered().types()
    assert types.count("customer.subscription.paused") == 1
    assert types.count("customer.subscription.resumed") == 1
