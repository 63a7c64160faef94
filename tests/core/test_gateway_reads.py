"""Reading from Stripe: events as they stand there, objects with Stripe's own time, all rationed."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from billing_core.errors import BillingError
from billing_core.errors import BillingErrorCode as Code
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.envelope import read_event
from billing_core.stripe_gateway.ration import ReadRation
from billing_core.stripe_gateway.shapes import subscription_facts
from tests.core.stand_in import API_KEY, StandIn

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_events_are_listed_whole_and_over_pages(stripe_account: StandIn) -> None:
    for number in range(130):
        stripe_account.v1.customers.create({"name": f"Customer {number}"})
    events = list(stripe_account.gateway.list_events(created_gte=LONG_AGO))
    assert len({event.event_id for event in events}) == len(events) == 130
    assert [event.created for event in events] == sorted(
        (event.created for event in events), reverse=True
    )
    read = read_event(orjson.loads(events[0].body))
    assert (read.event_id, read.type) == (events[0].event_id, "customer.created")


def test_events_are_narrowed_by_time_and_type(stripe_account: StandIn) -> None:
    stripe_account.subscribe()
    later = datetime.fromtimestamp(stripe_account.control.advance(days=1), UTC)
    stripe_account.v1.customers.create({"name": "Late"})
    gateway = stripe_account.gateway
    since = list(gateway.list_events(created_gte=later - timedelta(hours=1)))
    assert {event.type for event in since} == {"customer.created"}
    before = gateway.list_events(
        created_gte=LONG_AGO,
        created_lt=later - timedelta(hours=1),
        types=("customer.subscription.created",),
    )
    assert [event.type for event in before] == ["customer.subscription.created"]
    assert list(gateway.list_events(created_gte=LONG_AGO, delivery_success=True)) == []


def test_events_keep_the_shape_they_were_stored_in(stripe_account: StandIn) -> None:
    stripe_account.control.set_endpoint(api_version="2024-06-20")
    stripe_account.subscribe()
    event = next(
        each
        for each in stripe_account.gateway.list_events(created_gte=LONG_AGO)
        if each.type == "customer.subscription.created"
    )
    assert "current_period_end" in orjson.loads(event.body)["data"]["object"]


def test_a_subscription_comes_with_stripes_time_not_ours(stripe_account: StandIn) -> None:
    subscription_id = stripe_account.subscribe()
    stripes = stripe_account.control.advance(days=100)
    fetched = stripe_account.gateway.fetch_subscription(subscription_id)
    assert abs(fetched.at.timestamp() - stripes) < 30
    facts = subscription_facts(orjson.loads(fetched.body))
    assert facts.subscription_id == subscription_id
    assert facts.current_period_end is not None


@pytest.mark.parametrize("subscription_id", ["sub_nobody", "../customers", "sub_1?expand[]=x"])
def test_a_subscription_that_is_not_there_is_a_code(
    stripe_account: StandIn, subscription_id: str
) -> None:
    with pytest.raises(BillingError) as refusal:
        stripe_account.gateway.fetch_subscription(subscription_id)
    assert refusal.value.code in (Code.NO_SUBSCRIPTION, Code.STRIPE_REFUSED)


def test_backfill_lists_every_customer_and_every_subscription_ended_ones_too(
    stripe_account: StandIn,
) -> None:
    ids = {stripe_account.subscribe(f"org_{number}") for number in range(5)}
    gone = next(iter(ids))
    stripe_account.v1.subscriptions.cancel(gone)
    listed = list(stripe_account.gateway.list_subscriptions())
    assert {each.object_id for each in listed} == ids
    customers = list(stripe_account.gateway.list_customers())
    assert len(customers) == 5
    rest = list(stripe_account.gateway.list_customers(starting_after=customers[1].object_id))
    assert [each.object_id for each in rest] == [each.object_id for each in customers[2:]]
    one = orjson.loads(customers[0].body)["id"]
    assert len(list(stripe_account.gateway.list_subscriptions(customer_id=one))) == 1


def test_a_used_up_ration_is_a_sentence_and_asks_stripe_nothing(stripe_account: StandIn) -> None:
    subscription_id = stripe_account.subscribe()
    gateway = StripeGateway(
        API_KEY, api_base=stripe_account.url, ration=ReadRation(burst=2, per_month=1)
    )
    gateway.fetch_subscription(subscription_id)
    gateway.fetch_subscription(subscription_id)
    with pytest.raises(BillingError, match="ration") as refusal:
        gateway.fetch_subscription(subscription_id)
    assert refusal.value.code is Code.RATE_LIMITED


def test_a_ration_fills_up_again_evenly_and_never_beyond_its_burst() -> None:
    now = 0.0
    month = 30 * 24 * 3600.0
    ration = ReadRation(per_month=1000, burst=10, clock=lambda: now)
    assert [ration.take() for _ in range(11)] == [True] * 10 + [False]
    now += month / 1000
    assert [ration.take(), ration.take()] == [True, False]
    now += month
    assert sum(ration.take() for _ in range(50)) == 10
    assert ration.left == 0


def test_a_gateway_never_shows_its_key() -> None:
    gateway = StripeGateway(API_KEY)
    assert API_KEY not in repr(gateway) + str(gateway)
