"""Ops are told of what is wrong, once while it lasts, by webhook and by mail, and when it is over."""

import email.policy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import orjson
import pytest
from aiosmtpd.controller import Controller

from billing_core.alerts.conditions import Condition
from billing_core.alerts.policy import AlertPolicy
from tests.listener.test_event_commands import OPS, park, send
from tests.support.listener import Listener, reading, run_command, wait_for
from tests.support.ports import free_port
from webhook_listener.alerts.ledger import Ledger
from webhook_listener.alerts.notice import Kind
from webhook_listener.alerts.targets import SIGNATURE, sign

SECRET = "whsec_of_the_receiver_of_alerts"
BOTH = {"webhook", "email"}
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
PARKED = Condition("parked", "Parked", "1 event waits for an operator.")


class Receiver:
    """A webhook of somebody's own; it answers ``status`` and keeps what was posted."""

    def __init__(self, port: int = 0) -> None:
        self.status = 204
        self.posted: list[tuple[str, bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posted.append((self.headers.get(SIGNATURE, ""), body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_port)
        self.url = f"http://127.0.0.1:{self.port}/hooks/very-secret-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, body in self.posted]


class Mailbox:
    """Keeps what is delivered by SMTP."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        return "250 kept"

    def read(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(each.content, policy=email.policy.default)
            for each in self.envelopes
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, ready_timeout=30)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


def settings(tmp_path: Any, receiver: Receiver, **more: str) -> dict[str, str]:  # noqa: ANN401
    """A listener's environment in which whatever lasts is told at once."""
    config = tmp_path / "billing.toml"
    config.write_text('[company]\nname = "Northwind"\n[alerts]\nlasts_seconds = 0\n')
    return {
        "BILLING_CONFIG": str(config),
        "ALERT_WEBHOOK_URL": receiver.url,
        "ALERT_WEBHOOK_SECRET": SECRET,
        "ALERT_CHECK_SECONDS": "1",
        "CONSOLE_URL": "https://console.example",
        **more,
    }


def ignore(listener: Listener, event_id: str) -> None:
    command = {"kind": "ignore", "event_ids": [event_id], "reason": "seen"}
    assert send(listener, command, OPS).status_code == 201


def test_an_alert_is_sent_once_over_a_restart_and_followed_by_its_end(
    start: Callable[..., Listener],
    receiver: Receiver,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    """By a signed webhook and by mail; neither holds a customer's data or the hook's address."""
    with mail_server() as (mailbox, port):
        mail = {
            "ALERT_SMTP_HOST": "127.0.0.1",
            "ALERT_SMTP_PORT": str(port),
            "ALERT_SMTP_SECURITY": "none",
            "ALERT_EMAIL_FROM": "billing@northwind.example",
            "ALERT_EMAIL_TO": "ops@northwind.example, night@northwind.example",
        }
        listener = start(**settings(tmp_path, receiver, **mail))
        event_id = park(listener)
        wait_for(lambda: set(channels(listener, "told_at")) == BOTH, what="the alert to be kept")
        park(listener)
        listener.stop()
        listener.start()
        wait_for(
            lambda: 'billing_condition{condition="parked"} 1.0' in metrics(listener),
            what="the condition judged anew",
        )
        assert len(receiver.posted) == len(mailbox.envelopes) == 1
        [told] = receiver.told()
        assert (told["kind"], told["condition"]) == ("raised", "parked")
        assert told["text"].startswith("Northwind billing: Parked. 1 event waits for an operator")
        assert told["url"] == "https://console.example/webhooks"
        signature, body = receiver.posted[0]
        at = int(signature.partition(",")[0].removeprefix("t="))
        assert signature == sign(SECRET, body, at=at)
        [message] = mailbox.read()
        assert message["Subject"] == "Northwind billing: Parked"
        assert message["To"] == "ops@northwind.example, night@northwind.example"
        assert "1 event waits for an operator" in message.get_content()

        for parked in ids_of_parked(listener):
            ignore(listener, parked)
        wait_for(lambda: len(receiver.posted) == len(mailbox.envelopes) == 2, what="the end")
        assert receiver.told()[1]["kind"] == "recovered"
        assert mailbox.read()[1]["Subject"] == "Northwind billing: Over: Parked"
        assert event_id not in str(receiver.posted)
        assert "very-secret-path" not in listener.log
        assert SECRET not in listener.log
        with reading(listener.database_url) as rows:
            kept = rows("SELECT value FROM listener_state WHERE name LIKE 'alert%'")
        assert "very-secret-path" not in str(kept)


def channels(listener: Listener, fact: str) -> dict[str, object]:
    """By target, what is kept of it about parked events, where anything is."""
    with reading(listener.database_url) as rows:
        found = rows("SELECT value FROM listener_state WHERE name = 'alerts'")
    kept = [value if isinstance(value, dict) else orjson.loads(value) for (value,) in found]
    parked = [each["on"]["parked"] for each in kept if "parked" in each["on"]]
    return {
        name: channel[fact]
        for each in parked
        for name, channel in each["channels"].items()
        if channel.get(fact)
    }


def metrics(listener: Listener) -> str:
    return listener.client.get("/metrics").text


def ids_of_parked(listener: Listener) -> list[str]:
    with reading(listener.database_url) as rows:
        return [
            row[0] for row in rows("SELECT event_id FROM webhook_events WHERE outcome='parked'")
        ]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_target_that_is_down_holds_up_nothing_and_is_tried_again(
    start: Callable[..., Listener],
    receiver: Receiver,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    receiver.status = 500
    dead = {
        "ALERT_SMTP_HOST": "127.0.0.1",
        "ALERT_SMTP_PORT": "9",
        "ALERT_SMTP_SECURITY": "none",
        "ALERT_EMAIL_FROM": "billing@northwind.example",
        "ALERT_EMAIL_TO": "ops@northwind.example",
    }
    listener = start(**settings(tmp_path, receiver, **dead))
    park(listener)
    failed = 'billing_alerts_total{{result="failed",target="{}"}} 1.0'
    wait_for(
        lambda: all(failed.format(name) in metrics(listener) for name in ("webhook", "email")),
        what="both to fail",
    )
    park(listener)
    assert listener.client.get("/readyz").status_code == 200
    wait_for(lambda: set(channels(listener, "tries")) == BOTH, what="the failures to be kept")
    assert channels(listener, "tries") == {"webhook": 1, "email": 1}


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_of_two_listeners_on_one_database_one_tells(
    start: Callable[..., Listener],
    receiver: Receiver,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    pair = [start(**settings(tmp_path, receiver)) for _ in range(2)]
    park(pair[0])
    wait_for(lambda: receiver.posted, what="the alert")
    judged = 'billing_condition{condition="parked"} 1.0'
    assert sum(judged in metrics(each) for each in pair) == 1
    time.sleep(2.5)  # each has judged once more
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_test_notice_says_which_target_has_it(
    database_url: str,
    receiver: Receiver,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    sent = run_command(database_url, "alerts", "test", **settings(tmp_path, receiver))
    assert (sent.returncode, sent.stdout) == (0, "webhook: delivered.\n")
    assert receiver.told()[0]["kind"] == "test"
    receiver.status = 404
    failed = run_command(database_url, "alerts", "test", **settings(tmp_path, receiver))
    assert failed.returncode == 1
    assert "webhook: not delivered (it answered 404)." in failed.stderr
    none = run_command(database_url, "alerts", "test")
    assert none.returncode == 2
    assert "ALERT_WEBHOOK_URL" in none.stderr


def ledger(kept: dict[str, Any], *targets: str, **policy: int) -> Ledger:
    return Ledger(kept, targets or ("webhook",), AlertPolicy(**{"repeat_hours": 6, **policy}))


def kinds(one: Ledger, at: datetime) -> list[tuple[str, Kind]]:
    return [(due.target, due.kind) for due in one.due(at)]


def told(kept: dict[str, Any], *, minutes: float, wrong: bool = True) -> dict[str, Any]:
    """The ledger after a judgement so many minutes from the start, everything due delivered."""
    one, at = ledger(kept), NOW + timedelta(minutes=minutes)
    one.take([PARKED] if wrong else [], at)
    for due in list(one.due(at)):
        one.told(due, at)
    return one.json()


def test_what_passes_within_a_minute_is_not_told() -> None:
    kept = told({}, minutes=0)
    assert told(kept, minutes=0.5, wrong=False) == {"on": {}}


def test_it_is_told_again_after_hours_and_not_before() -> None:
    kept = told(told({}, minutes=0), minutes=2)
    for minutes, expected in ((60, []), (361, []), (362, [("webhook", Kind.CONTINUES)])):
        one = ledger(kept)
        one.take([PARKED], NOW + timedelta(minutes=minutes))
        assert kinds(one, NOW + timedelta(minutes=minutes)) == expected


def test_what_comes_back_before_its_end_was_told_is_the_same_still() -> None:
    kept = told(told({}, minutes=0), minutes=2)
    kept = told(kept, minutes=10, wrong=False)
    assert kept["on"]["parked"]["over_at"] is not None
    kept = told(kept, minutes=10.5)
    assert kept["on"]["parked"]["over_at"] is None
    assert kept["on"]["parked"]["since"] == NOW.isoformat()
    kept = told(kept, minutes=20, wrong=False)
    assert told(kept, minutes=22, wrong=False) == {"on": {}}


def test_a_target_that_failed_is_tried_ever_more_rarely_and_told_the_end_at_last() -> None:
    one, at = ledger({}), NOW
    one.take([PARKED], at)
    tried: list[float] = []
    for second in range(0, 4000, 10):
        at = NOW + timedelta(seconds=second)
        for due in list(one.due(at)):
            one.failed(due, at)
            tried.append(second)
    assert tried[:6] == [60, 90, 150, 270, 510, 990]
    assert max(later - earlier for earlier, later in pairwise(tried)) == 900
    over = at + timedelta(hours=1)
    one.take([], over)
    assert kinds(one, over + timedelta(minutes=2)) == [("webhook", Kind.RECOVERED)]


def test_a_target_that_is_new_is_told_what_is_on_and_one_that_is_gone_is_forgotten() -> None:
    kept = told(told({}, minutes=0), minutes=2)
    one = ledger(kept, "email")
    one.take([PARKED], NOW + timedelta(minutes=5))
    assert kinds(one, NOW + timedelta(minutes=5)) == [("email", Kind.RAISED)]
    one.take([], NOW + timedelta(minutes=6))
    assert one.json() == {"on": {}}
