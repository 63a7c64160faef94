"""What is taken in, what is refused, and that nothing refused leaves a trace."""

import asyncio
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest
from sqlalchemy import Engine

from tests.listener.conftest import Rows
from tests.support.listener import Listener, wait_for
from tests.support.stripe_events import (
    WEBHOOK_SECRET,
    Signed,
    customer,
    event,
    portal_session,
    signed,
    subscription,
    unique,
)
from webhook_listener.inbox import Audience
from webhook_listener.metrics import Metrics
from webhook_listener.receive import WebhookEndpoint
from webhook_listener.writer import Writer

_COUNT = "SELECT count(*) FROM webhook_events"


def _updated() -> dict[str, object]:
    return event("customer.subscription.updated", subscription(unique("sub"), unique("cus")))


def _wrong_signature() -> Signed:
    return signed(_updated(), secret="whsec_" + "another" * 5)


def _stale() -> Signed:
    return signed(_updated(), at=time.time() - 400)


def _future() -> Signed:
    return signed(_updated(), at=time.time() + 400)


def _tampered() -> Signed:
    good = signed(_updated())
    return Signed(good.body.replace(b"active", b"unpaid"), good.signature)


REFUSED: dict[str, tuple[Callable[[], Signed], int]] = {
    "a wrong signature": (_wrong_signature, 400),
    "a changed body": (_tampered, 400),
    "a stale timestamp": (_stale, 400),
    "a timestamp from the future": (_future, 400),
    "10 MB": (lambda: signed(b'{"id":"' + b"x" * 10_000_000 + b'"}'), 413),
    "just over 1 MiB": (lambda: signed(b" " * (1024 * 1024 + 1)), 413),
    "invalid UTF-8": (lambda: signed(b'{"id":"\xff\xfe"}'), 400),
    "a lone surrogate": (lambda: signed(rb'{"id":"\ud800"}'), 400),
    "no JSON": (lambda: signed(b"hello"), 400),
    "an empty body": (lambda: signed(b""), 400),
    "a JSON array": (lambda: signed(b"[]"), 400),
    "a JSON number": (lambda: signed(b"1"), 400),
    "JSON that is no event": (lambda: signed(b'{"hello":"world"}'), 400),
    "an event without an object": (lambda: signed({**_updated(), "data": {}}), 400),
    "an event whose id is a list": (lambda: signed({**_updated(), "id": [1]}), 400),
    "an event with a NUL in its type": (lambda: signed({**_updated(), "type": "a\x00b"}), 400),
    "an event created in no time": (lambda: signed({**_updated(), "created": 10**18}), 400),
    "deeply nested JSON": (lambda: signed(b"[" * 100_000), 400),
    "a signature header of commas": (lambda: Signed(signed(_updated()).body, ",,,=,t=,v1"), 400),
    "an empty signature header": (lambda: Signed(signed(_updated()).body, ""), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_never_be_stored_is_refused_with_one_sentence(
    listener: Listener, rows: Rows, name: str
) -> None:
    make, status = REFUSED[name]
    before = rows(_COUNT)
    answer = listener.post(make())
    assert answer.status_code == status
    assert answer.text.endswith("Nothing was stored.\n")
    assert answer.text.count("\n") == 1
    assert rows(_COUNT) == before
    assert listener.client.get("/healthz").status_code == 200


def test_a_missing_signature_is_refused(listener: Listener) -> None:
    answer = listener.client.post("/webhooks/stripe", content=signed(_updated()).body)
    assert answer.status_code == 400
    assert "missing" in answer.text


@pytest.mark.parametrize("raw", [b"t=1,v1=\xc3\xa9\xff", "t=１,v1=ä".encode(), b"\xf0\x9f\x92\xa9"])
def test_a_signature_header_that_is_not_ascii_is_refused(listener: Listener, raw: bytes) -> None:
    answer = listener.client.post(
        "/webhooks/stripe", content=signed(_updated()).body, headers=[(b"stripe-signature", raw)]
    )
    assert answer.status_code == 400
    assert answer.text.endswith("Nothing was stored.\n")


def test_a_large_body_without_a_length_is_refused_while_it_comes(listener: Listener) -> None:
    def chunks() -> object:
        for _ in range(100):
            yield b"x" * 100_000

    answer = listener.client.post(
        "/webhooks/stripe",
        content=chunks(),  # type: ignore[arg-type]
        headers={"stripe-signature": "t=1,v1=a"},
    )
    assert answer.status_code == 413


def test_other_methods_and_paths_are_refused(listener: Listener) -> None:
    assert listener.client.get("/webhooks/stripe").status_code == 405
    assert listener.client.post("/webhooks/other").status_code == 404


def test_a_client_that_goes_away_halfway_harms_nobody(listener: Listener, rows: Rows) -> None:
    before = rows(_COUNT)
    host, port = listener.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{"
        )
    assert listener.post(_updated()).status_code == 200
    assert rows(_COUNT) == [(before[0][0] + 1,)]


def test_many_bodies_that_come_slowly_are_sent_away_before_memory_runs_out(
    listener: Listener,
) -> None:
    host, port = listener.url.removeprefix("http://").split(":")
    head = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{"
    with ExitStack() as stack:
        answers = []
        for _ in range(80):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(head)
            answers.append(connection)
        wait_for(lambda: len(_answered(answers)) == 16, what="those too many to be sent away")
        assert listener.post(_updated()).status_code == 200
        first_lines = [each.recv(1000).split(b"\r\n")[0] for each in _answered(answers)]
    assert first_lines == [b"HTTP/1.1 503 Service Unavailable"] * 16
    assert listener.post(_updated()).status_code == 200


def _answered(connections: list[socket.socket]) -> list[socket.socket]:
    return select.select(connections, [], [], 0)[0]


def test_a_full_queue_is_answered_503_with_a_time_to_come_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is not started, so that what is queued stays queued."""
    monkeypatch.setattr("webhook_listener.writer.MAX_QUEUED", 2)
    metrics = Metrics()
    writer = Writer(engine, metrics, lambda: None)
    audience = Audience(livemode=False, account=None)
    endpoint = WebhookEndpoint([WEBHOOK_SECRET], audience, writer, metrics)

    async def deliver() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=endpoint), base_url="http://listener"
        ) as client:
            posts = []
            for _ in range(3):
                sent = signed(_updated())
                headers = {"stripe-signature": sent.signature}
                posts.append(
                    asyncio.create_task(client.post("/", content=sent.body, headers=headers))
                )
            done, waiting = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            assert len(done) == 1
            return done.pop().result()

    answer = asyncio.run(deliver())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Nothing was stored; send it again." in answer.text


def test_a_stored_event_is_there_when_it_is_acknowledged(listener: Listener, rows: Rows) -> None:
    sent = _updated()
    assert listener.post(sent).status_code == 200
    stored = rows("SELECT deliveries FROM webhook_events WHERE event_id = :id", id=sent["id"])
    assert stored == [(1,)]


def test_a_hundred_deliveries_at_once_are_one_event(listener: Listener, rows: Rows) -> None:
    sent = signed(_updated())
    event_id = sent.body.split(b'"')[3].decode()

    async def deliver() -> list[int]:
        async with httpx.AsyncClient(base_url=listener.url, timeout=30) as client:
            headers = {"stripe-signature": sent.signature}
            posts = [
                client.post("/webhooks/stripe", content=sent.body, headers=headers)
                for _ in range(100)
            ]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert asyncio.run(deliver()) == [200] * 100
    listener.settle()
    found = rows(
        "SELECT deliveries, outcome, attempts FROM webhook_events WHERE event_id = :id", id=event_id
    )
    assert found == [(100, "applied", 1)]
    assert rows("SELECT count(*) FROM webhook_payloads WHERE event_id = :id", id=event_id) == [(1,)]


def test_a_repeat_changes_nothing_but_its_count(listener: Listener, rows: Rows) -> None:
    sent = _updated()
    listener.post(sent)
    listener.settle()
    columns = "type, created, received_at, applied_at, outcome, error, attempts, org_id"
    statement = f"SELECT {columns} FROM webhook_events WHERE event_id = :id"
    before = rows(statement, id=sent["id"])
    assert listener.post(sent).status_code == 200
    assert rows(statement, id=sent["id"]) == before


def test_rollups_count_each_event_and_each_delivery(
    start: Callable[..., Listener], database_url: str
) -> None:
    """Also those that repeat while the first still waits, or long after."""
    from tests.support.listener import reading

    running = start()
    first, second = _updated(), event("some.unknown.type", {"id": "x", "object": "x"})
    for sent in (first, first, second, first, {**_updated(), "livemode": True}):
        running.post(sent)
    running.settle()
    running.post(second)
    with reading(database_url) as rows:
        counted = rows(
            "SELECT type, outcome, sum(events), sum(deliveries) FROM event_rollups"
            " GROUP BY type, outcome ORDER BY type, outcome"
        )
    assert counted == [
        ("customer.subscription.updated", "applied", 1, 3),
        ("customer.subscription.updated", "ignored", 1, 1),
        ("some.unknown.type", "ignored", 1, 2),
    ]


def test_an_unknown_type_is_kept_and_answered_200(listener: Listener, rows: Rows) -> None:
    sent = event("tax.reinvented", {"id": "tax_1", "object": "tax"})
    assert listener.post(sent).status_code == 200
    listener.settle()
    found = rows("SELECT outcome, object_id FROM webhook_events WHERE event_id = :i", i=sent["id"])
    assert found == [("ignored", "tax_1")]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"livemode": True}, "live mode"),
        ({"account": "acct_other"}, "STRIPE_ACCOUNT"),
        ({"context": "acct_other"}, "STRIPE_ACCOUNT"),
    ],
)
def test_events_of_another_mode_or_account_are_kept_but_not_applied(
    listener: Listener, rows: Rows, change: dict[str, object], word: str
) -> None:
    sent = {**_updated(), **change}
    assert listener.post(sent).status_code == 200
    listener.settle()
    [(outcome, error)] = rows(
        "SELECT outcome, error FROM webhook_events WHERE event_id = :id", id=sent["id"]
    )
    assert outcome == "ignored"
    assert word in error
    subscription_id = sent["data"]["object"]["id"]  # type: ignore[index]
    counted = "SELECT count(*) FROM subscriptions WHERE subscription_id = :id"
    assert rows(counted, id=subscription_id) == [(0,)]


def test_names_that_no_index_could_hold_fail_nobody_else(listener: Listener, rows: Rows) -> None:
    odd = event(
        "x.y",
        {"id": "o" * 9000, "object": "x", "customer": "c" * 9000},
        api_version="v\x00" * 5000,
        account="a\x00",
    )
    assert listener.post(odd).status_code == 200
    assert listener.post(_updated()).status_code == 200
    listener.settle()
    assert rows("SELECT outcome FROM webhook_events WHERE event_id = :i", i=odd["id"]) == [
        ("ignored",)
    ]


def test_a_portal_url_is_nowhere_after_its_event(listener: Listener, rows: Rows) -> None:
    token = "live_" + "YWNjdF8xTGl2ZVRva2Vu" * 3
    url = f"https://billing.stripe.com/p/session/{token}"
    sent = event("billing_portal.session.created", portal_session(unique("cus"), url))
    assert listener.post(sent).status_code == 200
    listener.settle()
    assert token not in listener.log
    assert token not in _everything(listener, rows)


def _everything(listener: Listener, rows: Rows) -> str:
    """Every value of every table, payloads unpacked."""
    import zlib

    from sqlmodel import SQLModel

    words: list[str] = []
    for table in SQLModel.metadata.sorted_tables:
        for row in rows(f"SELECT * FROM {table.name}"):
            words += [
                zlib.decompress(value).decode() if isinstance(value, bytes) else str(value)
                for value in row
            ]
    return "\n".join(words)


def test_both_secrets_are_taken_while_one_is_rolled(start: Callable[..., Listener]) -> None:
    old, new = "whsec_" + "oldSecret4Rolling1" * 2, "whsec_" + "newSecret5Rolling2" * 2
    running = start(STRIPE_WEBHOOK_SECRET=f"{new}, {old}")
    assert running.post(signed(_updated(), secret=old)).status_code == 200
    assert running.post(signed(_updated(), secret=new)).status_code == 200
    assert running.post(signed(_updated())).status_code == 400


def test_a_customers_name_is_in_no_log(listener: Listener) -> None:
    sent = event("customer.created", customer(unique("cus"), name="Zacharias Quill"))
    listener.post(sent)
    listener.settle()
    # Told by the process that applied it, once that is done.
    wait_for(lambda: str(sent["id"]) in listener.log, what="the event's line in the log")
    assert "Quill" not in listener.log
