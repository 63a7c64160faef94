"""Replay, ignore and reconcile as the console asks for them: who may, what comes of it, what is counted."""

import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Engine

from billing_core.commands import sign_command
from tests.listener.conftest import Rows
from tests.listener.counting import counted, kept
from tests.support.databases import fresh_url
from tests.support.listener import COMMAND_SECRET, Listener, reading, run_command, wait_for
from tests.support.stripe_events import event, signed, subscription, unique
from webhook_listener import schema
from webhook_listener.database import writer_engine

PATH = "/commands/events"
OPS = frozenset({"ops"})


def send(
    listener: Listener, command: dict[str, Any], roles: frozenset[str] = OPS
) -> httpx.Response:
    body = json.dumps(command).encode()
    token = sign_command(COMMAND_SECRET, username="olga", roles=roles, path=PATH, body=body)
    headers = {"authorization": f"Bearer {token}"}
    return listener.client.post(PATH, content=body, headers=headers)


def accepted(listener: Listener, command: dict[str, Any]) -> int:
    answer = send(listener, command)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["audit_id"])


def park(listener: Listener, version: str = "2024-06-20") -> str:
    """Send an event that cannot be understood; its id."""
    sent = event("customer.subscription.updated", {"id": unique("sub"), "status": ["odd"]})
    sent = {**sent, "api_version": version}
    assert listener.post(sent).status_code == 200
    listener.settle()
    return str(sent["id"])


def mend(database_url: str, event_id: str) -> None:
    """Give a stored payload a shape that can be read, as if the cause had been mended."""
    engine = writer_engine(database_url)
    with engine.begin() as connection:
        body = connection.exec_driver_sql(
            f"SELECT body FROM webhook_payloads WHERE event_id = '{event_id}'"
        ).scalar_one()
        payload = orjson.loads(zlib.decompress(body))
        object_id = payload["data"]["object"]["id"]
        payload["data"]["object"] = subscription(object_id, unique("cus"))
        changed = zlib.compress(orjson.dumps(payload))
        from webhook_listener.tables import PAYLOADS

        connection.execute(
            PAYLOADS.update().where(PAYLOADS.c.event_id == event_id).values(body=changed)
        )
    engine.dispose()


def end_of(rows: Rows, audit_id: int) -> tuple[str, str]:
    """How a recorded command went: outcome and detail of the entry that follows it."""
    query = "SELECT outcome, detail FROM audit_log WHERE follows = :i"
    found = wait_for(lambda: rows(query, i=audit_id), what="the command's end")
    return str(found[0][0]), str(found[0][1])


def outcome_of(rows: Rows, event_id: str) -> tuple[Any, ...]:
    return rows("SELECT outcome, error FROM webhook_events WHERE event_id = :i", i=event_id)[0]


def test_a_parked_event_is_retried_and_the_end_is_recorded(listener: Listener, rows: Rows) -> None:
    event_id = park(listener)
    mend(listener.database_url, event_id)
    audit_id = accepted(listener, {"kind": "replay", "event_ids": [event_id], "reason": "mended"})
    assert end_of(rows, audit_id) == ("done", "1 applied")
    assert outcome_of(rows, event_id) == ("applied", None)
    begun = rows(
        "SELECT actor, action, outcome, reason, detail FROM audit_log WHERE audit_id = :i",
        i=audit_id,
    )
    assert begun == [("olga", "events.replay", "begun", "mended", event_id)]


def test_one_that_still_cannot_be_read_is_parked_again_with_its_sentence(
    listener: Listener, rows: Rows
) -> None:
    event_id = park(listener)
    assert end_of(rows, accepted(listener, {"kind": "replay", "event_ids": [event_id]})) == (
        "done",
        "1 parked",
    )
    outcome, error = outcome_of(rows, event_id)
    assert outcome == "parked"
    assert "cannot be understood" in error


def test_an_applied_event_can_be_replayed_and_stays_applied(listener: Listener, rows: Rows) -> None:
    subscription_id, customer_id = unique("sub"), unique("cus")
    first = event("customer.subscription.created", subscription(subscription_id, customer_id))
    later = event(
        "customer.subscription.updated",
        {**subscription(subscription_id, customer_id), "status": "past_due"},
        previous={"status": "active"},
        created=int(first["created"]) + 50,
    )
    for sent in (first, later):
        listener.post(sent)
        listener.settle()
    audit_id = accepted(listener, {"kind": "replay", "event_ids": [first["id"]]})
    assert end_of(rows, audit_id) == ("done", "1 applied")
    assert rows("SELECT status FROM subscriptions WHERE subscription_id = :i", i=subscription_id)[
        0
    ] == ("past_due",)
    audited = rows("SELECT org_id FROM audit_log WHERE audit_id = :i", i=audit_id)
    assert audited == [(customer_id,)]


def test_all_parked_events_are_retried_at_once(
    start: Callable[..., Listener], database_url: str
) -> None:
    listener = start()
    parked = [park(listener) for _ in range(3)]
    mend(database_url, parked[1])
    answer = send(listener, {"kind": "replay_parked"})
    assert answer.json()["events"] == 3
    with reading(database_url) as rows:
        assert end_of(rows, answer.json()["audit_id"]) == ("done", "1 applied, 2 parked")
        assert outcome_of(rows, parked[1]) == ("applied", None)
    assert run_command(database_url, "audit", "verify").returncode == 0


def test_a_parked_event_is_ignored_with_the_reason_and_no_other_is(
    listener: Listener, rows: Rows
) -> None:
    event_id, other = park(listener), park(listener)
    command = {"kind": "ignore", "event_ids": [event_id], "reason": "A test clock's event"}
    audit_id = accepted(listener, command)
    assert outcome_of(rows, event_id) == ("ignored", "A test clock's event")
    assert outcome_of(rows, other)[0] == "parked"
    assert rows("SELECT outcome, reason FROM audit_log WHERE audit_id = :i", i=audit_id) == [
        ("ignored", "A test clock's event")
    ]
    again = send(listener, {**command, "event_ids": [other, event_id]})
    assert again.status_code == 409
    assert "not parked any more" in again.json()["error"]
    assert outcome_of(rows, other)[0] == "parked"


@pytest.mark.parametrize(
    "roles", [frozenset({"support"}), frozenset({"finance"}), frozenset[str]()]
)
def test_whoever_may_not_is_refused_and_that_is_recorded(
    listener: Listener, rows: Rows, roles: frozenset[str]
) -> None:
    event_id = park(listener)
    for command in (
        {"kind": "replay", "event_ids": [event_id]},
        {"kind": "replay_parked"},
        {"kind": "ignore", "event_ids": [event_id], "reason": "because"},
        {"kind": "reconcile"},
    ):
        answer = send(listener, command, roles)
        assert answer.status_code == 403
        last = rows("SELECT action, outcome FROM audit_log ORDER BY audit_id DESC LIMIT 1")
        assert last == [(f"events.{command['kind']}", "denied")]
    assert outcome_of(rows, event_id)[0] == "parked"


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ({"kind": "replay", "event_ids": ["evt_nowhere"]}, "evt_nowhere is not in the inbox"),
        ({"kind": "replay", "event_ids": []}, "event_ids"),
        ({"kind": "replay", "event_ids": ["x"] * 101}, "event_ids"),
        ({"kind": "replay", "event_ids": ["a\x00b"]}, "event_ids"),
        ({"kind": "ignore", "event_ids": ["evt_1"]}, "reason"),
        ({"kind": "ignore", "event_ids": ["evt_1"], "reason": "  "}, "reason"),
        ({"kind": "delete", "event_ids": ["evt_1"]}, "kind"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_with_the_field(
    listener: Listener, rows: Rows, command: dict[str, Any], word: str
) -> None:
    done = "SELECT count(*) FROM audit_log WHERE action <> 'command.send'"
    before = rows(done)
    answer = send(listener, command)
    assert answer.status_code == 422
    assert word in answer.json()["error"]
    assert rows(done) == before


def test_without_a_key_nobody_is_made_to_wait_for_a_reconcile(listener: Listener) -> None:
    answer = send(listener, {"kind": "reconcile"})
    assert answer.status_code == 409
    assert "STRIPE_API_KEY" in answer.json()["error"]


def test_the_roll_ups_agree_with_the_inbox_whatever_was_done(
    start: Callable[..., Listener], engine: Engine, database_url: str
) -> None:
    """Duplicates, strangers, late ones, parked ones, replays, ignores: recounted from the rows."""
    listener = start()
    subscription_id, customer_id = unique("sub"), unique("cus")
    states = [
        event(
            "customer.subscription.updated",
            {**subscription(subscription_id, customer_id), "quantity": seats},
            created=1_790_000_000 + 10 * seats,
        )
        for seats in (3, 1, 2)
    ]
    foreign = event("customer.created", {"id": unique("cus"), "object": "customer"}, livemode=True)
    unknown = event("made.up", {"id": "x"})
    for sent in (*states, foreign, unknown, states[0], foreign):
        assert listener.post(signed(sent)).status_code == 200
    ignored, retried, mended = (park(listener) for _ in range(3))
    listener.settle()
    assert kept(engine) == counted(engine)
    mend(database_url, mended)
    with reading(database_url) as rows:
        accepted(listener, {"kind": "ignore", "event_ids": [ignored], "reason": "not ours"})
        everything = [row[0] for row in rows("SELECT event_id FROM webhook_events")]
        for ids in ([retried, mended], everything):
            audit_id = accepted(listener, {"kind": "replay", "event_ids": ids})
            end_of(rows, audit_id)
        listener.post(signed(states[1]))
        listener.settle()
        outcomes = dict(rows("SELECT outcome, count(*) FROM webhook_events GROUP BY outcome"))
    assert outcomes == {"applied": 2, "stale": 2, "ignored": 2, "parked": 2}
    assert kept(engine) == counted(engine)
    assert run_command(database_url, "replay", "--since", "2020-01-01").returncode == 0
    assert kept(engine) == counted(engine)


def test_what_arrived_before_lags_were_kept_is_counted_by_the_migration(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("older")
    url = fresh_url(backend, request, folder)
    running = Listener(url, folder / "listener.log")
    for _ in range(3):
        running.post(event("customer.subscription.created", subscription(unique("s"), unique("c"))))
    park(running)
    running.settle()
    running.stop()
    engine = writer_engine(url)
    before = kept(engine)
    schema.migrate_down(engine, "0003")
    schema.migrate(engine)
    assert kept(engine) == before == counted(engine)
    engine.dispose()
