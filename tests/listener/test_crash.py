"""Killed, cut off or full: what was acknowledged is there exactly once and applied; all recovers.

``CRASH_RUNS`` sets how many times each database's listener is killed.
"""

import os
import random
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, make_url, update

from tests.support.databases import PostgreSQL
from tests.support.forked import installed
from tests.support.listener import Listener, reading, wait_for
from tests.support.stripe_events import event, signed, subscription, unique
from webhook_listener.apply import MAX_ATTEMPTS
from webhook_listener.tables import EVENTS

CRASH_RUNS = int(os.environ.get("CRASH_RUNS", "4"))


def life_begins() -> dict[str, Any]:
    """An event about a subscription of an org that nothing else is about."""
    return event("customer.subscription.created", subscription(unique("sub"), unique("cus")))


class Load:
    """Threads that deliver unique events to the listeners and note which were acknowledged."""

    def __init__(self, *urls: str, threads: int = 6) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        self._urls = urls
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._deliver, args=(n,)) for n in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _deliver(self, number: int) -> None:
        with httpx.Client(base_url=self._urls[number % len(self._urls)], timeout=10) as client:
            while not self._stop.is_set():
                sent = life_begins()
                delivery = signed(sent)
                headers = {"stripe-signature": delivery.signature}
                try:
                    answer = client.post("/webhooks/stripe", content=delivery.body, headers=headers)
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(str(sent["id"]))
                else:
                    self.refused.append(answer.status_code)


def assert_each_is_applied_once(database_url: str, acknowledged: list[str]) -> None:
    """Present once with its payload, applied, its subscription and its org's entitlement there."""
    with reading(database_url) as rows:
        found = rows(
            "SELECT e.event_id, e.outcome, p.event_id IS NOT NULL, s.event_id, n.last_event_id"
            " FROM webhook_events e LEFT JOIN webhook_payloads p ON p.event_id = e.event_id"
            " LEFT JOIN subscriptions s ON s.subscription_id = e.object_id"
            " LEFT JOIN plan_entitlements n ON n.subscription_id = e.object_id"
        )
        whole = {row[0]: row[1:] for row in found}
        assert len(whole) == len(found)
        wrong = {i: whole.get(i) for i in acknowledged if whole.get(i) != ("applied", True, i, i)}
        assert wrong == {}
        changes = rows(
            "SELECT org_id, count(*) FROM entitlement_changes GROUP BY org_id HAVING count(*) > 1"
        )
        assert changes == []
        counted = rows("SELECT coalesce(sum(events), 0), sum(deliveries) FROM event_rollups")
        assert counted == rows("SELECT count(*), sum(deliveries) FROM webhook_events")


def test_what_was_acknowledged_survives_kill_9_under_load(
    start: Callable[..., Listener], database_url: str
) -> None:
    dice = random.Random(CRASH_RUNS)
    acknowledged: list[str] = []
    running = start()
    for _ in range(CRASH_RUNS):
        with Load(running.url) as load:
            wait_for(lambda load=load: len(load.acknowledged) > 20, what="some acknowledgements")  # type: ignore[misc]
            time.sleep(dice.uniform(0, 0.5))
            running.stop(signal.SIGKILL)
        acknowledged += load.acknowledged
        running.start()
    running.settle()
    assert len(acknowledged) > 20 * CRASH_RUNS
    assert_each_is_applied_once(database_url, acknowledged)


def children(pid: int) -> list[int]:
    """The processes that this one has started and that still run."""
    listed = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def test_a_projector_killed_under_load_is_started_again_and_applies_each_event_once(
    start: Callable[..., Listener], database_url: str
) -> None:
    dice = random.Random(CRASH_RUNS)
    running = start()
    applied = "SELECT count(*) FROM webhook_events WHERE outcome = 'applied'"
    with Load(running.url) as load, reading(database_url) as rows:
        for killed in range(1, CRASH_RUNS + 1):
            before = rows(applied)
            wait_for(lambda before=before: rows(applied) > before, what="it to apply")  # type: ignore[misc]
            time.sleep(dice.uniform(0, 0.3))
            [projector] = children(running.pid)
            os.kill(projector, signal.SIGKILL)
            wait_for(
                lambda killed=killed: running.log.count('"projector.started"') == killed,  # type: ignore[misc]
                what="another projector",
            )
    running.settle()
    assert load.refused == []
    assert_each_is_applied_once(database_url, load.acknowledged)
    told = running.client.get("/metrics").text
    assert f"billing_projector_deaths_total {CRASH_RUNS}.0" in told
    assert "billing_projector_up 1.0" in told


_DIES_OF_POISON = """
import os, zlib

unpacked = zlib.decompress

def decompress(body, *more):
    if b"evt_poison" in (found := unpacked(body, *more)):
        os.kill(os.getpid(), 9)
    return found

zlib.decompress = decompress
"""


def test_an_event_that_ends_the_projector_waits_while_the_rest_is_applied_and_is_parked_in_the_end(
    start: Callable[..., Listener], database_url: str, engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "poison"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_DIES_OF_POISON)
    running = start(PYTHONPATH=str(folder))
    [first] = children(running.pid)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: '"projector.started"' in running.log, what="a projector that may be poisoned")
    events = [life_begins() for _ in range(5)]
    events[0]["id"] = "evt_poison"
    for sent in events:
        assert running.post(sent).status_code == 200
    with reading(database_url) as rows:
        told = "SELECT attempts, error FROM webhook_events WHERE outcome = 'pending'"
        wait_for(
            lambda: [tried > 0 for tried, _ in rows(told)] == [True], what="the rest to be applied"
        )
        assert "it ended the process that applies events" in rows(told)[0][1]
        assert rows("SELECT count(*) FROM plan_entitlements") == [(4,)]
        with engine.begin() as connection:
            connection.execute(
                update(EVENTS)
                .where(EVENTS.c.event_id == "evt_poison")
                .values(attempts=MAX_ATTEMPTS - 1, next_attempt_at=None)
            )
        parked = "SELECT event_id, attempts FROM webhook_events WHERE outcome = 'parked'"
        wait_for(lambda: rows(parked) == [("evt_poison", MAX_ATTEMPTS)], what="it to be parked")
        assert_each_is_applied_once(database_url, [str(sent["id"]) for sent in events[1:]])


def test_a_killed_listener_leaves_no_projector_behind(start: Callable[..., Listener]) -> None:
    running = start()
    with Load(running.url, threads=2) as load:
        wait_for(lambda: len(load.acknowledged) > 20, what="acknowledgements")
        [projector] = children(running.pid)
        running.stop(signal.SIGKILL)
    wait_for(lambda: not is_running(projector), what="the projector to end")


def is_running(pid: int) -> bool:
    """Whether there is such a process; one that has ended and is not yet waited for is none."""
    listed = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in ("", "Z")


def test_one_of_two_listeners_dies_and_nothing_is_lost_or_applied_twice(
    start: Callable[..., Listener], database_url: str
) -> None:
    first, second = start(), start()
    with Load(first.url, second.url) as load:
        wait_for(lambda: len(load.acknowledged) > 100, what="acknowledgements")
        first.stop(signal.SIGKILL)
        seen = len(load.acknowledged)
        wait_for(lambda: len(load.acknowledged) > seen + 100, what="the other to go on")
    second.settle()
    assert_each_is_applied_once(database_url, load.acknowledged)


def test_a_stop_answers_what_was_begun(start: Callable[..., Listener], database_url: str) -> None:
    with installed():
        running = start()
    with Load(running.url) as load:
        wait_for(lambda: len(load.acknowledged) > 100, what="acknowledgements")
        assert running.stop() == 0
    assert load.refused == []
    assert '"stopped"' in running.log
    running.start()  # for a backlog that a busy machine had no time to apply
    running.settle()
    assert_each_is_applied_once(database_url, load.acknowledged)


def test_a_stop_applies_what_waits_if_that_is_quick(
    start: Callable[..., Listener], database_url: str
) -> None:
    running = start()
    sent = life_begins()
    assert running.post(sent).status_code == 200
    assert running.stop() == 0
    assert_each_is_applied_once(database_url, [str(sent["id"])])


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_cut_connections_are_answered_503_and_made_again(
    start: Callable[..., Listener], database_url: str, postgresql_server: PostgreSQL
) -> None:
    running = start()
    with Load(running.url) as load:
        for _ in range(5):
            before = len(load.acknowledged)
            postgresql_server.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{make_url(database_url).database}'"
                " AND application_name = 'billing-listener'"
            )
            wait_for(lambda before=before: len(load.acknowledged) > before + 50, what="recovery")  # type: ignore[misc]
    running.settle()
    assert set(load.refused) == {503}
    assert_each_is_applied_once(database_url, load.acknowledged)


@contextmanager
def _full_disk(pid: int) -> Iterator[None]:
    """No file of the process can grow, its log included."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_full_disk_is_answered_503_and_recovered_from(
    start: Callable[..., Listener], database_url: str
) -> None:
    running = start()

    def deliver() -> int:
        sent = event("invoice.paid", {"id": unique("in"), "object": "invoice"})
        return running.post(sent).status_code

    assert deliver() == 200
    with _full_disk(running.pid):
        assert [deliver() for _ in range(20)] == [503] * 20
        wait_for(lambda: running.client.get("/readyz").status_code == 503, what="not ready")
        assert running.client.get("/healthz").status_code == 200
        assert running.client.get("/metrics").status_code == 200
    wait_for(lambda: deliver() == 200, what="recovery")
    wait_for(lambda: running.client.get("/readyz").status_code == 200, what="ready again")
    running.settle()
    with reading(database_url) as rows:
        assert rows("SELECT count(*) FROM webhook_events WHERE outcome = 'pending'") == [(0,)]
        assert rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_read_only_database_is_answered_503_and_recovered_from(
    start: Callable[..., Listener], database_url: str, postgresql_server: PostgreSQL
) -> None:
    running = start()
    name = make_url(database_url).database
    sent = event("invoice.paid", {"id": unique("in"), "object": "invoice"})
    assert running.post(sent).status_code == 200

    def reconnect(value: str) -> None:
        postgresql_server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
        postgresql_server.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    reconnect("on")
    wait_for(lambda: running.client.get("/readyz").status_code == 503, what="not ready")
    answer = running.post(sent)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    reconnect("off")
    wait_for(lambda: running.post(sent).status_code == 200, what="recovery")
    wait_for(lambda: running.client.get("/readyz").status_code == 200, what="ready again")


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_database_locked_for_long_is_answered_503_and_recovered_from(
    start: Callable[..., Listener], database_url: str
) -> None:
    import sqlite3

    running = start()
    sent = event("invoice.paid", {"id": unique("in"), "object": "invoice"})
    holder = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert running.post(sent).status_code == 503
    holder.execute("ROLLBACK")
    holder.close()
    assert running.post(sent).status_code == 200
    running.settle()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_leaves_no_process_behind(
    start: Callable[..., Listener], number: signal.Signals
) -> None:
    """Also where the terminal tells each process of the group."""
    with installed():
        running = start()
    [projector] = children(running.pid)
    os.kill(projector, number)
    assert running.stop(number) == 0
    assert not is_running(projector)
    assert "projector.died" not in running.log
