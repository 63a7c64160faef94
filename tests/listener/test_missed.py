"""What webhooks did not bring is asked from the stand-in Stripe and ends in the same rows."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Engine

from billing_core.commands import sign_command
from billing_core.config import load_config
from billing_core.settings import ROOT
from tests.listener.stand_in import StandIn, entitlements, inbound_on
from tests.support.listener import COMMAND_SECRET, Listener, reading, run_command, wait_for
from tests.support.stripe_events import event
from webhook_listener.apply import apply_everything
from webhook_listener.missed import drift, watch
from webhook_listener.missed.inbound import utc_now
from webhook_listener.missed.suspects import Suspects


def test_reconcile_brings_what_no_webhook_brought_and_nothing_twice(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running_listener = start()
    stand_in.deliver_to(running_listener)
    kept, lost = stand_in.subscribe("org_kept"), stand_in.subscribe("org_lost")
    stand_in.control.wait_until_delivered()
    stand_in.control.order_deliveries(drop_next=1000)
    stand_in.set_seats(kept, 3)
    stand_in.set_seats(lost, 7)
    stand_in.subscribe("org_unheard")
    running_listener.settle()
    running_listener.stop()

    first = run_command(database_url, "reconcile", **stand_in.environment)
    assert first.returncode == 0, first.stderr
    assert " 0 were missing" not in first.stdout
    assert entitlements(database_url) == [
        ("org_kept", "pro", "active", 3),
        ("org_lost", "pro", "active", 7),
        ("org_unheard", "pro", "active", 1),
    ]
    with reading(database_url) as rows:
        stored = rows("SELECT event_id, deliveries, outcome FROM webhook_events ORDER BY 1")
    assert {deliveries for _, deliveries, _ in stored} == {1}
    second = run_command(database_url, "reconcile", **stand_in.environment)
    assert " 0 were missing and are in now." in second.stdout
    with reading(database_url) as rows:
        assert rows("SELECT event_id, deliveries, outcome FROM webhook_events ORDER BY 1") == stored


def test_the_service_reconciles_by_itself(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running_listener = start(**stand_in.environment, RECONCILE_SECONDS="1")
    stand_in.subscribe("org_unheard")
    wait_for(lambda: entitlements(database_url), what="the missed events")
    metrics = running_listener.client.get("/metrics").text
    assert 'billing_reconcile_runs_total{result="done"}' in metrics
    assert "billing_reconcile_found_total 0.0" not in metrics


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_walk_that_stripe_ends_is_told_and_made_again(
    stand_in: StandIn, database_url: str, status: int
) -> None:
    """A key without the right, too many calls, or trouble at Stripe."""
    stand_in.subscribe("org_unheard")
    stand_in.control.fail_next(100, status=status, path="/v1/events")
    failed = run_command(database_url, "reconcile", **stand_in.environment)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "Traceback" not in failed.stderr
    stand_in.control.clear_faults()
    assert run_command(database_url, "reconcile", **stand_in.environment).returncode == 0
    assert entitlements(database_url) == [("org_unheard", "pro", "active", 1)]


def test_backfill_goes_on_where_it_was_ended(stand_in: StandIn, database_url: str) -> None:
    """102 customers are two pages; the subscriptions fail the first time."""
    for number in range(99):
        stand_in.v1.customers.create({"metadata": {"org_id": f"org_{number:03}"}})
    for number in range(3):
        stand_in.subscribe(f"org_subscribed_{number}")
    stand_in.control.fail_next(100, status=403, path="/v1/subscriptions")
    assert run_command(database_url, "backfill", **stand_in.environment).returncode == 1
    with reading(database_url) as rows:
        assert rows("SELECT count(*) FROM organizations") == [(102,)]
    stand_in.control.clear_faults()

    resumed = run_command(database_url, "backfill", **stand_in.environment)
    assert resumed.returncode == 0, resumed.stderr
    assert "102 customers" not in resumed.stdout
    assert "3 subscriptions read and applied." in resumed.stdout
    assert [row for row in entitlements(database_url) if row[1]] == [
        (f"org_subscribed_{number}", "pro", "active", 1) for number in range(3)
    ]
    with reading(database_url) as rows:
        assert rows("SELECT DISTINCT outcome FROM webhook_events") == [("applied",)]


def test_drift_is_recorded_with_both_values_and_mended_through_the_inbox(
    stand_in: StandIn, engine: Engine, database_url: str
) -> None:
    subscription_id = stand_in.subscribe("org_drifted")
    stand_in.subscribe("org_straight")
    assert run_command(database_url, "backfill", **stand_in.environment).returncode == 0
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE subscriptions SET status = 'past_due', known_status = 'past_due'"
            f" WHERE subscription_id = '{subscription_id}'"
        )
    time.sleep(1.1)  # Stripe's answer has to be of a later second than what it corrects
    inbound = inbound_on(engine)

    differing = drift.find_differing(inbound, stand_in.gateway, sample=10)
    found = drift.record_lasting(inbound, differing)
    apply_everything(engine, load_config(ROOT / "billing.toml"))
    assert found == [drift.Difference(subscription_id, "status", "past_due", "active")]
    with reading(database_url) as rows:
        assert rows("SELECT subscription_id, field, ours, stripes FROM drift") == [
            (subscription_id, "status", "past_due", "active")
        ]
        assert rows("SELECT DISTINCT status FROM subscriptions") == [("active",)]
    assert drift.find_differing(inbound, stand_in.gateway, sample=10) == []


def test_a_difference_that_a_webhook_settles_is_no_drift(
    stand_in: StandIn, engine: Engine, database_url: str
) -> None:
    subscription_id = stand_in.subscribe("org_late")
    assert run_command(database_url, "backfill", **stand_in.environment).returncode == 0
    time.sleep(1.1)
    stand_in.set_seats(subscription_id, 4)
    time.sleep(1.1)
    inbound = inbound_on(engine)
    differing = drift.find_differing(inbound, stand_in.gateway, sample=10)
    assert len(differing) == 1
    assert run_command(database_url, "reconcile", **stand_in.environment).returncode == 0
    assert drift.record_lasting(inbound, differing) == []
    assert entitlements(database_url) == [("org_late", "pro", "active", 4)]


def contradiction(
    stand_in: StandIn, subscription_id: str, keys: tuple[str, str] = ("pro_monthly", "pro_monthly")
) -> list[dict[str, Any]]:
    """Two updates of one second of which neither says what it changed; the price's key in each."""
    second = int(time.time())
    shape = orjson.loads(stand_in.gateway.fetch_subscription(subscription_id).body)
    updates = []
    item = shape["items"]["data"][0]
    for seats, key in zip((5, 9), keys, strict=True):
        item = {**item, "quantity": seats, "price": {**item["price"], "lookup_key": key}}
        changed = {**shape, "items": {**shape["items"], "data": [item]}}
        updates.append(event("customer.subscription.updated", changed, created=second))
    return updates


def test_what_one_second_cannot_settle_is_asked_from_stripe(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running_listener = start(**stand_in.environment, RECONCILE_SECONDS="0")
    subscription_id = stand_in.subscribe("org_torn")
    for sent in contradiction(stand_in, subscription_id, ("team_monthly", "solo_monthly")):
        assert running_listener.post(sent).status_code == 200
    running_listener.settle()
    with reading(database_url) as rows:
        key = "SELECT lookup_key FROM prices WHERE NOT lookup_key_disputed"
        wait_for(lambda: rows(key) == [("pro_monthly",)], what="Stripe's own word on the price")
        settled = "SELECT quantity FROM subscriptions WHERE NOT suspect"
        wait_for(lambda: rows(settled) == [(1,)], what="Stripe's own word")
        asked = "SELECT count(*) FROM webhook_events WHERE type = 'snapshot.subscription'"
        assert rows(asked) == [(1,)]
    assert "billing_stripe_suspects_asked_total 2.0" in running_listener.client.get("/metrics").text


def test_what_cannot_be_settled_stays_marked_and_is_asked_ever_more_rarely(
    start: Callable[..., Listener],
    stand_in: StandIn,
    engine: Engine,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The listener has no key; the questions are put here, and Stripe has trouble."""
    running_listener = start()
    subscription_id = stand_in.subscribe("org_torn")
    for sent in contradiction(stand_in, subscription_id):
        running_listener.post(sent)
    running_listener.settle()
    stand_in.control.fail_next(1000, status=403, path="/v1/subscriptions")
    clock = [1000.0]
    monkeypatch.setattr("webhook_listener.missed.suspects.time.monotonic", lambda: clock[0])
    suspects = Suspects(inbound_on(engine), stand_in.gateway)
    asked_at = []
    for _ in range(600):
        before = dict(suspects._wait)
        suspects.ask()
        if suspects._wait != before:
            asked_at.append(clock[0] - 1000)
        clock[0] += 0.5
    assert asked_at == [1.5, 31.5, 91.5, 211.5]
    with reading(database_url) as rows:
        assert rows("SELECT suspect FROM subscriptions") == [(True,)]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_of_two_listeners_one_asks_and_the_other_takes_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound = inbound_on(engine)
    first, second = (watch.Lease(inbound, watch.LEASE) for _ in range(2))
    assert (first.hold(), second.hold()) == (True, False)
    later = utc_now() + watch.LEASE_LASTS + timedelta(seconds=1)
    monkeypatch.setattr("webhook_listener.missed.watch.utc_now", lambda: later)
    third = watch.Lease(inbound, watch.LEASE)
    assert third.hold()
    second_try = watch.Lease(inbound, watch.LEASE)
    assert not second_try.hold()
    third.release()
    assert watch.Lease(inbound, watch.LEASE).hold()


def kept_state(database_url: str, name: str) -> dict[str, Any]:
    with reading(database_url) as rows:
        found = rows("SELECT value FROM listener_state WHERE name = :name", name=name)
    if not found:
        return {}
    value = found[0][0]
    return dict(orjson.loads(value)) if isinstance(value, str) else dict(value)


def ask_to_reconcile(listener: Listener) -> httpx.Response:
    path, body = "/commands/events", b'{"kind":"reconcile"}'
    token = sign_command(
        COMMAND_SECRET, username="olga", roles=frozenset({"ops"}), path=path, body=body
    )
    headers = {"authorization": f"Bearer {token}"}
    return listener.client.post(path, content=body, headers=headers)


def test_a_walk_asked_for_by_the_console_is_made_at_once_and_told(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    """The schedule is off; the endpoint, which lacks a type and is disabled, is looked up too."""
    running_listener = start(**stand_in.environment, RECONCILE_SECONDS="0")
    [endpoint] = stand_in.v1.webhook_endpoints.list().data
    stand_in.v1.webhook_endpoints.update(
        endpoint.id, {"enabled_events": ["customer.subscription.updated"], "disabled": True}
    )
    stand_in.subscribe("org_unheard")
    assert ask_to_reconcile(running_listener).status_code == 201
    wait_for(lambda: entitlements(database_url), what="the missed events")
    wait_for(lambda: kept_state(database_url, "reconcile"), what="the walk's end")
    walked = kept_state(database_url, "reconcile")
    [run] = walked["runs"]
    assert run["missing"] == run["looked_at"] == walked["missing_ever"] == len(run["events"])
    assert run["error"] is None
    [found] = kept_state(database_url, "endpoint")["endpoints"]
    assert found["status"] == "disabled"
    assert "customer.subscription.deleted" in found["missing"]
    assert "customer.subscription.updated" not in found["missing"]
    assert kept_state(database_url, "schedule") == {"reconcile_seconds": 0}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_key_that_may_not_read_endpoints_is_no_trouble(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running_listener = start(**stand_in.environment, RECONCILE_SECONDS="0")
    stand_in.control.fail_next(100, status=403, path="/v1/webhook_endpoints")
    assert ask_to_reconcile(running_listener).status_code == 201
    wait_for(lambda: kept_state(database_url, "reconcile"), what="the walk's end")
    assert kept_state(database_url, "endpoint")["refused"] == "permission_denied"
    assert kept_state(database_url, "reconcile")["error"] is None
