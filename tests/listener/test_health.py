"""What the listener tells about itself, and that one bad event holds up nobody else."""

import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Engine

from billing_core.config import load_config
from billing_core.settings import ROOT
from tests.listener.conftest import Rows
from tests.support.listener import Listener, reading, wait_for
from tests.support.stripe_events import WEBHOOK_SECRET, event, signed, subscription, unique
from webhook_listener import inbox, schema
from webhook_listener.apply import MAX_ATTEMPTS, apply_round
from webhook_listener.inbox import Audience
from webhook_listener.receive import read_delivery
from webhook_listener.tables import PAYLOADS


def created() -> dict[str, object]:
    return event("customer.subscription.created", subscription(unique("sub"), unique("cus")))


def metric(listener: Listener, name: str) -> float:
    text = listener.client.get("/metrics").text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


def test_metrics_count_what_came_and_what_became_of_it(start: Callable[..., Listener]) -> None:
    listener = start()
    first = created()
    listener.post(first)
    listener.settle()
    listener.post(first)
    listener.post(event("made.up", {"id": "x"}))
    listener.post(event("customer.subscription.updated", {"id": "sub_1", "status": 5}))
    listener.post(signed(created(), secret="whsec_" + "another" * 5))
    listener.settle()
    assert metric(listener, "billing_webhook_received_total") == 4
    assert metric(listener, "billing_webhook_duplicates_total") == 1
    assert metric(listener, 'billing_webhook_rejected_total{reason="signature"}') == 1
    outcomes = 'billing_webhook_outcomes_total{{outcome="{}",type="{}"}}'
    assert metric(listener, outcomes.format("applied", "customer.subscription.created")) == 1
    assert metric(listener, outcomes.format("ignored", "other")) == 1
    assert metric(listener, outcomes.format("parked", "customer.subscription.updated")) == 1
    assert metric(listener, "billing_webhook_parked") == 1
    assert metric(listener, "billing_webhook_backlog") == 0
    assert metric(listener, "billing_webhook_oldest_pending_seconds") == 0
    assert metric(listener, "billing_webhook_acknowledge_seconds_count") == 4
    assert metric(listener, "billing_webhook_apply_lag_seconds_count") == 3
    assert metric(listener, "billing_webhook_last_event_timestamp_seconds") > 1_700_000_000


def test_it_is_not_ready_while_the_schema_is_old(
    start: Callable[..., Listener], engine: Engine
) -> None:
    listener = start()
    schema.migrate_down(engine, "-1")
    wait_for(lambda: listener.client.get("/readyz").status_code == 503, what="not ready")
    answer = listener.client.get("/readyz")
    assert "billing-listener migrate" in answer.text
    assert listener.client.get("/healthz").status_code == 200


def store(engine: Engine, sent: dict[str, object], *, at: datetime, spoilt: bool = False) -> None:
    """Put an event into the inbox, its payload unreadable where ``spoilt``."""
    audience = Audience(livemode=False, account=None)
    with engine.begin() as connection:
        delivery = read_delivery(orjson.dumps(sent), audience, now=at.timestamp())
        inbox.store(connection, [delivery])
        if spoilt:
            connection.execute(
                PAYLOADS.update()
                .where(PAYLOADS.c.event_id == sent["id"])
                .values(body=zlib.compress(b'{"id": '))
            )


def test_an_event_that_fails_waits_alone_and_the_rest_flows(
    start: Callable[..., Listener], engine: Engine, database_url: str
) -> None:
    bad, others = created(), [created() for _ in range(5)]
    store(engine, bad, at=datetime.now(UTC), spoilt=True)
    for other in others:
        store(engine, other, at=datetime.now(UTC))
    listener = start()
    with reading(database_url) as rows:
        applied = "SELECT count(*) FROM webhook_events WHERE outcome = 'applied'"
        wait_for(lambda: rows(applied) == [(5,)], what="the others")
        failed = "SELECT attempts, error, next_attempt_at FROM webhook_events WHERE event_id = :i"
        wait_for(lambda: rows(failed, i=bad["id"])[0][0] > 0, what="the first attempt")
        [(_, error, next_attempt_at)] = rows(failed, i=bad["id"])
    assert "JSONDecodeError" in error
    assert next_attempt_at is not None
    assert listener.post(created()).status_code == 200


def test_an_event_that_keeps_failing_is_parked_after_ever_longer_waits(
    engine: Engine, database_url: str
) -> None:
    config = load_config(ROOT / "billing.toml")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    bad = created()
    store(engine, bad, at=start, spoilt=True)
    attempts: list[float] = []
    for seconds in (0, 1, 2, 5, 6, 13, 14, 29, 30, 61, 62, 125, 126, 253, 254, 600):
        now = start + timedelta(seconds=seconds)
        with reading(database_url) as rows:
            before = rows("SELECT attempts FROM webhook_events")
            apply_round(engine, config, now=now)
            if rows("SELECT attempts FROM webhook_events") != before:
                attempts.append(seconds)
    assert attempts == [0, 2, 6, 14, 30, 62, 126, 254]
    assert len(attempts) == MAX_ATTEMPTS
    with reading(database_url) as rows:
        [(outcome, error)] = rows("SELECT outcome, error FROM webhook_events")
        assert outcome == "parked"
        assert "replay it once the cause is gone" in error
        assert rows("SELECT type, outcome, events FROM event_rollups") == [
            ("customer.subscription.created", "parked", 1)
        ]


def test_no_secret_signature_or_token_is_in_the_log(listener: Listener, rows: Rows) -> None:
    delivery = signed(created())
    listener.post(delivery)
    listener.client.post("/commands/audit", headers={"authorization": "Bearer abc.def.ghi"})
    listener.settle()
    assert WEBHOOK_SECRET not in listener.log
    assert delivery.signature not in listener.log
    assert "abc.def.ghi" not in listener.log
