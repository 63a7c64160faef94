"""Long gaps, lost and doubled and disordered webhooks: all ends at what Stripe itself says."""

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from billing_core.config import load_config
from billing_core.settings import ROOT
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import FetchedObject, RawEvent
from billing_core.stripe_gateway.shapes import subscription_facts
from billing_core.subscription_rows import facts_of_row
from sandbox.rendering import render, render_event
from sandbox.seed import seed
from tests.listener.stand_in import StandIn, entitlements, inbound_on
from tests.support.listener import Listener, reading, run_command, wait_for
from tests.support.stripe_events import ENDIVE, customer, event, subscription, unique
from webhook_listener import inbox, state
from webhook_listener.apply import apply_everything
from webhook_listener.database import durable_transaction
from webhook_listener.inbox import Delivery
from webhook_listener.missed import reconcile as reconciling
from webhook_listener.missed.inbound import snapshot_delivery, utc_now
from webhook_listener.missed.reconcile import reconcile
from webhook_listener.projection import reproject
from webhook_listener.receive import read_delivery
from webhook_listener.tables import EVENTS, SUBSCRIPTIONS


class KilledError(Exception):
    """Stands for the end of the process."""


class KilledAfterAPage:
    """A gateway whose process dies when the second page is asked for."""

    def __init__(self, gateway: StripeGateway) -> None:
        self._gateway = gateway

    def list_events(self, **asked: Any) -> Iterator[RawEvent]:  # noqa: ANN401 - passed on
        for number, found in enumerate(self._gateway.list_events(**asked)):
            if number == 100:
                raise KilledError
            yield found


def test_a_first_walk_killed_halfway_begins_again_where_it_began(
    start: Callable[..., Listener], stand_in: StandIn, engine: Engine, database_url: str
) -> None:
    """What its first page brought is newer than what it had yet to look at."""
    running = start()
    known = subscription(unique("sub"), unique("cus"))
    running.post(event("customer.subscription.created", known))
    running.settle()
    running.stop()
    stand_in.control.advance(days=2)
    stand_in.subscribe("org_in_the_gap")
    stand_in.control.advance(days=3)
    for number in range(100):
        stand_in.v1.customers.create({"metadata": {"org_id": f"org_{number:03}"}})

    with pytest.raises(KilledError):
        reconcile(inbound_on(engine), KilledAfterAPage(stand_in.gateway))  # type: ignore[arg-type]
    apply_everything(engine, load_config(ROOT / "billing.toml"))
    assert "org_in_the_gap" not in [row[0] for row in entitlements(database_url)]
    assert run_command(database_url, "reconcile", **stand_in.environment).returncode == 0
    assert ("org_in_the_gap", "pro", "active", 1) in entitlements(database_url)


def test_after_more_than_stripe_keeps_the_service_reads_the_objects_themselves(
    start: Callable[..., Listener], stand_in: StandIn, engine: Engine, database_url: str
) -> None:
    stand_in.subscribe("org_long_unheard")
    with engine.begin() as connection:
        last = {"seen_until": (utc_now() - timedelta(days=40)).isoformat()}
        state.keep(connection, reconciling.STATE, last, now=utc_now())
    stand_in.control.advance(days=40)
    stand_in.control.fail_next(1, status=403, path="/v1/subscriptions")
    start(**stand_in.environment, RECONCILE_SECONDS="1", DRIFT_SAMPLE="0")

    expected = [("org_long_unheard", "pro", "active", 1)]
    wait_for(lambda: entitlements(database_url) == expected, what="the backfill")

    def owed() -> object:
        with engine.connect() as connection:
            return state.read(connection, reconciling.STATE).get("beyond_retention")

    wait_for(lambda: owed() is False, what="the backfill's end")


def test_a_history_that_is_only_now_delivered_is_no_gap(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running = start()
    long_ago = int(time.time()) - 90 * 86_400
    shape = subscription(unique("sub"), unique("cus"))
    running.post(event("customer.subscription.created", shape, created=long_ago))
    running.settle()
    ran = run_command(database_url, "reconcile", **stand_in.environment)
    assert ran.returncode == 0
    assert "backfill" not in ran.stdout


def test_a_customer_whose_last_second_is_in_doubt_is_asked_about(
    start: Callable[..., Listener], stand_in: StandIn, database_url: str
) -> None:
    running = start(**stand_in.environment, RECONCILE_SECONDS="0")
    known = stand_in.v1.customers.create({"name": "Right", "metadata": {"org_id": "org_right"}})
    second = int(time.time())
    for org_id in ("org_wrong", "org_worse"):
        shape = customer(known.id, org_id=org_id)
        running.post(event("customer.updated", shape, created=second))
    running.settle()
    with reading(database_url) as rows:
        found = "SELECT org_id, name FROM customers WHERE NOT suspect"
        wait_for(lambda: rows(found) == [("org_right", "Right")], what="Stripe's own word")
        assert rows("SELECT org_id FROM organizations") == [("org_right",)]


def deliver(engine: Engine, deliveries: list[Delivery]) -> None:
    for start in range(0, len(deliveries), 500):
        with durable_transaction(engine) as connection:
            inbox.store(connection, deliveries[start : start + 500])
        apply_everything(engine, load_config(ROOT / "billing.toml"))


def test_a_companys_two_years_lost_doubled_and_disordered_end_at_stripes_own_word(
    engine: Engine,
) -> None:
    """The sample company of the stand-in Stripe, a third of its events lost until a backfill."""
    now, audience, chance = utc_now(), inbound_on(engine).audience, random.Random(7)
    company = seed.write_history(int(now.timestamp()), "http://127.0.0.1:1")
    rows = company.store.connection.execute("SELECT id, type, created, json FROM events")
    kept = [{"id": i, "type": t, "created": c, **orjson.loads(json)} for i, t, c, json in rows]
    arrived = [one for one in kept if chance.random() < 0.67]
    arrived += chance.sample(arrived, len(arrived) // 5)
    chance.shuffle(arrived)
    sent = [orjson.dumps(render_event(one, ENDIVE)) for one in arrived]
    deliver(engine, [read_delivery(body, audience, now=now.timestamp()) for body in sent])
    answered = [
        (
            kind,
            FetchedObject(obj["id"], orjson.dumps(render(obj, ENDIVE)), now + timedelta(hours=1)),
        )
        for kind in ("customer", "subscription")
        for obj in company.store.all(kind)
        if not obj.get("deleted")
    ]
    company.store.close()
    chance.shuffle(answered)
    deliver(
        engine,
        [snapshot_delivery(f"snapshot.{kind}", one, audience, now=now) for kind, one in answered],
    )

    with engine.connect() as connection:
        ours = {
            row["subscription_id"]: facts_of_row({str(name): row[name] for name in row})
            for row in connection.execute(select(SUBSCRIPTIONS)).mappings()
        }
        outcomes = set(connection.execute(select(EVENTS.c.outcome)).scalars())
    theirs = {
        one.object_id: subscription_facts(orjson.loads(one.body))
        for kind, one in answered
        if kind == "subscription"
    }
    assert ours == theirs
    assert len(ours) > 150
    assert outcomes == {"applied", "stale", "ignored"}
    with engine.begin() as connection:
        rebuilt = reproject(connection, load_config(ROOT / "billing.toml"), now=utc_now())
    assert (rebuilt.changed_subscriptions, rebuilt.changed_org_ids) == (0, ())
