"""Webhooks: signed, retried, surviving restarts, and disturbed on request."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.control import SandboxError
from sandbox.webhooks import signature
from tests.sandbox.conftest import BOTH_MODES, Mode, World, is_present, world_in
from tests.sandbox.receiver import SECRET, Receiver, receiving


def test_events_are_signed_now_but_created_on_the_sandboxs_clock(world: World) -> None:
    began = time.time()
    world.control.advance(days=100)
    world.customer()
    [created] = world.delivered().of_type("customer.created")
    assert is_present(created.signed_at, began)
    assert is_present(created.event["created"], began, days=100)
    assert created.event["livemode"] is False
    assert created.event["pending_webhooks"] == 1


def test_our_signature_is_stripes_own() -> None:
    body, moment = '{"id": "evt_1"}', 1_700_000_000
    theirs = stripe.WebhookSignature.generate_signature_header(body, SECRET, moment)
    assert signature(body.encode(), [SECRET], moment) == theirs


def test_while_a_secret_is_rolled_both_sign(world: World) -> None:
    world.control.set_endpoint(secrets=["whsec_new", SECRET])
    world.customer()
    [created] = world.delivered().of_type("customer.created")
    assert created.signature.count("v1=") == 2


def test_a_refused_event_comes_again_with_a_fresh_signature(world: World) -> None:
    world.receiver.fail_next = 3
    world.v1.products.create({"name": "Pro"})
    [created] = world.delivered().of_type("product.created")
    assert world.receiver.refused == [created.event["id"]] * 3
    [listed] = world.v1.events.list().data
    assert listed.pending_webhooks == 0


def test_an_event_that_is_not_yet_received_counts_as_pending(world: World) -> None:
    world.control.order_deliveries(hold=True)
    world.v1.products.create({"name": "Pro"})
    [listed] = world.v1.events.list({"delivery_success": False}).data
    assert listed.pending_webhooks == 1
    world.control.order_deliveries(hold=False)
    world.delivered()
    assert world.v1.events.list({"delivery_success": False}).data == []


def test_what_was_pending_is_delivered_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with world_in(tmp_path, receiver) as world:
        world.control.order_deliveries(hold=True)
        subscription = world.subscription()
        assert receiver.received == []
    with world_in(tmp_path, receiver) as again:
        again.delivered()
        assert "customer.subscription.created" in receiver.types()
        assert again.read(subscription).status == "active"


def test_a_restart_keeps_objects_the_clock_and_idempotency(
    tmp_path: Path, receiver: Receiver
) -> None:
    began = time.time()
    with world_in(tmp_path, receiver) as world:
        customer = world.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        world.control.advance(days=50)
    with world_in(tmp_path, receiver) as again:
        assert is_present(again.control.now(), began, days=50)
        repeated = again.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        assert repeated.id == customer.id
        assert len(again.v1.webhook_endpoints.list().data) == 1


def test_a_listener_that_starts_later_gets_everything_in_order(tmp_path: Path) -> None:
    """Refused connections use up no attempts, so the whole history comes at once afterwards."""
    with receiving() as first:
        pass
    with world_in(tmp_path, first) as world:
        for number in range(30):
            world.v1.products.create({"name": str(number)})
        with receiving() as late:
            world.control.set_endpoint(url=late.url)
            world.control.wait_until_delivered()
            names = [each.object["name"] for each in late.received]
            assert sorted(names, key=int) == [str(number) for number in range(30)]
            assert names[0] == "0"


def test_a_wait_that_takes_too_long_says_what_to_check(world: World) -> None:
    world.control.order_deliveries(hold=True)
    world.customer()
    with pytest.raises(SandboxError, match="still pending"):
        world.control.wait_until_delivered(timeout_seconds=0.05)


def test_events_can_be_duplicated_dropped_shuffled_and_resent(world: World) -> None:
    world.control.order_deliveries(duplicates=2)
    world.v1.products.create({"name": "thrice"})
    assert len(world.delivered().of_type("product.created")) == 3

    world.control.order_deliveries(duplicates=0, drop_next=1)
    lost = world.v1.products.create({"name": "lost"})
    world.v1.products.create({"name": "kept"})
    assert [each.object["name"] for each in world.delivered().received][3:] == ["kept"]
    assert world.control.deliveries().dropped == 1

    [event] = [each for each in world.v1.events.list().data if each.data.object["id"] == lost.id]
    world.control.resend(event.id)
    assert world.delivered().received[-1].event["id"] == event.id

    world.control.order_deliveries(shuffle=True, hold=True)
    for number in range(40):
        world.v1.products.create({"name": str(number)})
    world.control.order_deliveries(hold=False)
    arrived = [each.object["name"] for each in world.delivered().received][-40:]
    assert sorted(arrived, key=int) == [str(number) for number in range(40)]
    assert arrived != sorted(arrived, key=int)


@BOTH_MODES
def test_an_old_endpoint_gets_the_period_on_the_subscription(world: World, mode: Mode) -> None:
    world.control.set_endpoint(api_version="2024-06-20")
    subscription = world.subscription(mode)
    end = subscription.items.data[0].current_period_end
    world.control.advance_past(subscription.id)
    receiver = world.delivered()
    [created] = receiver.of_type("customer.subscription.created")
    assert created.event["api_version"] == "2024-06-20"
    assert created.object["current_period_end"] == end
    assert "billing_mode" not in created.object
    [renewed] = receiver.of_type("customer.subscription.updated")
    assert renewed.previous["current_period_end"] == end
    assert renewed.object["current_period_start"] == end
    paid = receiver.of_type("invoice.paid")[0].object
    assert (paid["subscription"], paid["paid"]) == (subscription.id, True)
    assert "parent" not in paid
    line = paid["lines"]["data"][0]
    assert line["price"]["id"] == world.prices["pro_monthly"]
    listed = world.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert listed.api_version == "2024-06-20"


def test_a_new_endpoint_gets_the_period_on_the_items_only(world: World) -> None:
    subscription = world.subscription()
    [created] = world.delivered().of_type("customer.subscription.created")
    assert created.event["api_version"] == "2026-10-28.endive"
    assert "current_period_end" not in created.object
    [paid] = world.receiver.of_type("invoice.paid")
    details = paid.object["parent"]["subscription_details"]
    assert details["subscription"] == subscription.id
    assert "subscription" not in paid.object


def test_answers_follow_the_version_that_the_request_asks_for(world: World) -> None:
    subscription = world.subscription()
    old = world.client("2024-06-20").v1.subscriptions.retrieve(subscription.id)
    shown: Any = old.to_dict()
    assert shown["current_period_end"] == subscription.items.data[0].current_period_end
    assert "current_period_end" not in world.read(subscription).to_dict()


def test_further_endpoints_get_what_they_are_enabled_for(world: World) -> None:
    with receiving() as other:
        created = world.v1.webhook_endpoints.create(
            {"url": other.url, "enabled_events": ["price.created"], "api_version": "2024-06-20"}
        )
        assert created.secret is not None
        read = world.v1.webhook_endpoints.retrieve(created.id).to_dict()
        assert "secret" not in read
        world.control.order_deliveries(hold=True)
        world.price("pro_monthly")
        assert world.control.deliveries().pending == 3
        world.v1.webhook_endpoints.delete(created.id)
        world.control.order_deliveries(hold=False)
        world.delivered()
        assert sorted(world.receiver.types()) == ["price.created", "product.created"]
        assert other.received == []


def test_nothing_of_the_sandboxs_own_leaks_into_objects(world: World) -> None:
    world.subscription(trial_period_days=5)
    for received in world.delivered().received:
        assert not hidden_keys(received.event)
    for each in world.v1.events.list({"limit": 100}).data:
        assert not hidden_keys(each.to_dict())


def hidden_keys(value: object) -> list[str]:
    if isinstance(value, list):
        return [key for part in value for key in hidden_keys(part)]
    if isinstance(value, dict):
        below = [key for part in value.values() for key in hidden_keys(part)]
        return [key for key in value if key.startswith("_")] + below
    return []
