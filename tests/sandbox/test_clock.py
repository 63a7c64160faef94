"""Time passes: what becomes due happens in order and at its own moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from sandbox.control import SandboxError
from tests.sandbox.conftest import BOTH_MODES, Mode, World, is_present

UPDATED = "customer.subscription.updated"
DAY = 86_400


@BOTH_MODES
def test_a_renewal_moves_the_period_and_is_paid_an_hour_later(world: World, mode: Mode) -> None:
    subscription = world.subscription(mode)
    end = subscription.items.data[0].current_period_end
    world.control.advance_past(subscription.id)
    receiver = world.delivered()
    [updated] = receiver.of_type(UPDATED)
    assert updated.event["created"] == end
    assert updated.object["items"]["data"][0]["current_period_start"] == end
    assert updated.previous["items"]["data"][0]["current_period_end"] == end
    assert updated.previous["latest_invoice"] == subscription.latest_invoice
    assert receiver.newest("invoice.created").event["created"] == end
    for event_type in ("invoice.finalized", "invoice.paid", "invoice.payment_succeeded"):
        renewal = receiver.newest(event_type)
        assert renewal.event["created"] == end + 3600
        assert renewal.object["billing_reason"] == "subscription_cycle"


def test_a_year_of_renewals_happens_month_by_month(world: World) -> None:
    subscription = world.subscription()
    start = datetime.fromtimestamp(subscription.created, UTC)
    world.control.advance(days=366)
    renewals = sorted(each.event["created"] for each in world.delivered().of_type(UPDATED))
    assert len(renewals) == 12
    for months, moment in enumerate(renewals, start=1):
        renewed = datetime.fromtimestamp(moment, UTC)
        assert (start.year * 12 + start.month + months) == renewed.year * 12 + renewed.month
        assert renewed.timetz() == start.timetz()
    assert len(world.v1.invoices.list({"limit": 100}).data) == 13


def test_several_subscriptions_happen_in_the_order_of_time(world: World) -> None:
    world.subscription()
    world.control.advance(days=10)
    world.subscription()
    world.control.advance(days=100)
    events = world.v1.events.list({"limit": 100}).data
    created = [each.created for each in events]
    assert created == sorted(created, reverse=True)


def test_a_trial_warns_and_then_turns_into_a_paid_period(world: World) -> None:
    subscription = world.subscription(trial_period_days=14)
    assert subscription.trial_end is not None
    world.control.advance(days=14.5)
    receiver = world.delivered()
    [warning] = receiver.of_type("customer.subscription.trial_will_end")
    assert warning.event["created"] == subscription.trial_end - 3 * DAY
    [updated] = receiver.of_type(UPDATED)
    assert updated.event["created"] == subscription.trial_end
    assert updated.previous["status"] == "trialing"
    assert world.read(subscription).status == "active"


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("pause", "paused"), ("cancel", "canceled"), ("create_invoice", "past_due")],
)
def test_a_trial_that_ends_without_a_card(world: World, behavior: str, status: str) -> None:
    subscription = world.subscription(
        customer=world.customer(card=None),
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    world.control.advance(days=14.5)
    assert world.read(subscription).status == status


def test_a_failing_card_leads_through_past_due_to_the_end(world: World) -> None:
    subscription = world.subscription()
    end = subscription.items.data[0].current_period_end
    world.control.set_card(str(subscription.customer), declines=True)
    world.control.advance_past(subscription.id)
    assert world.read(subscription).status == "past_due"
    world.control.advance(days=20)
    after = world.read(subscription)
    assert after.status == "canceled"
    assert after.cancellation_details is not None
    assert after.cancellation_details.reason == "payment_failed"
    failures = [
        each.event["created"] for each in world.delivered().of_type("invoice.payment_failed")
    ]
    first = end + 3600
    assert sorted(failures) == [first, first + 3 * DAY, first + 8 * DAY, first + 15 * DAY]
    world.control.advance(days=60)
    assert len(world.v1.invoices.list({"subscription": subscription.id}).data) == 2


def test_the_account_can_leave_it_unpaid_instead(world: World) -> None:
    world.control.after_failed_payments("mark_unpaid")
    subscription = world.subscription()
    world.control.set_card(str(subscription.customer), declines=True)
    world.control.advance_past(subscription.id)
    world.control.advance(days=20)
    assert world.read(subscription).status == "unpaid"
    world.control.advance(days=31)
    assert world.v1.invoices.list({"subscription": subscription.id}).data[0].status == "draft"


def test_a_card_that_works_again_recovers_the_subscription(world: World) -> None:
    subscription = world.subscription()
    world.control.set_card(str(subscription.customer), declines=True)
    world.control.advance_past(subscription.id)
    world.control.set_card(str(subscription.customer), declines=False)
    world.control.advance(days=4)
    assert world.read(subscription).status == "active"
    last = world.delivered().newest(UPDATED)
    assert last.previous["status"] == "past_due"
    delinquency = [each.object["delinquent"] for each in world.receiver.of_type("customer.updated")]
    assert sorted(delinquency) == [False, True]


def test_an_end_that_is_due_in_real_time_happens_without_help(world: World) -> None:
    subscription = world.subscription()
    end = world.control.now() + DAY
    world.v1.subscriptions.update(subscription.id, {"cancel_at": end})
    world.control.advance_to(end - 1)
    [deleted] = world.receiver.wait_for("customer.subscription.deleted")
    assert deleted.object["status"] == "canceled"


def test_the_clock_keeps_running_and_never_goes_back(world: World) -> None:
    began = time.time()
    before = world.control.advance(days=5)
    assert is_present(before, began, days=5)
    with pytest.raises(SandboxError, match="cannot be moved back"):
        world.control.advance_to(int(time.time()))
    later = world.control.advance_to(datetime.fromtimestamp(before + DAY, UTC))
    assert later >= before + DAY
    assert is_present(later, began, days=6)


def test_a_month_that_lacks_the_day_renews_on_its_last(world: World) -> None:
    """Anchored on the 31st: 28 or 29 February, then the 31st of March again."""
    now = datetime.fromtimestamp(world.control.now(), UTC)
    anchor = datetime(now.year + 1, 1, 31, 12, tzinfo=UTC)
    world.control.advance_to(anchor)
    subscription = world.subscription()
    world.control.advance(days=65)
    ends = [
        datetime.fromtimestamp(each.object["items"]["data"][0]["current_period_start"], UTC)
        for each in world.delivered().of_type(UPDATED)
    ]
    february = 29 if anchor.year % 4 == 0 else 28
    assert sorted((end.month, end.day) for end in ends) == [(2, february), (3, 31)]
    assert world.read(subscription).status == "active"
