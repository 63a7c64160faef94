"""A listener for webhooks that a test controls: real HTTP, real signatures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

SECRET = "whsec_test_secret_of_the_receiver"


@dataclass(frozen=True, slots=True)
class Received:
    """One verified event as it came in, and when it was signed."""

    event: dict[str, Any]
    signature: str
    signed_at: int

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def object(self) -> dict[str, Any]:
        value: dict[str, Any] = self.event["data"]["object"]
        return value

    @property
    def previous(self) -> dict[str, Any]:
        value: dict[str, Any] = self.event["data"]["previous_attributes"]
        return value


@dataclass
class Receiver:
    """What has arrived; `fail_next` lets the next posts be answered 500 before they count.

    `parses` lets Stripe's client build its objects too, which takes time over thousands of events.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fail_next: int = 0
    parses: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes, signature: str) -> int:
        with self._lock:
            if self.parses:
                stripe.Webhook.construct_event(body, signature, SECRET)
            else:
                stripe.WebhookSignature.verify_header(body, signature, SECRET, 300)
            event = json.loads(body)
            if self.fail_next > 0:
                self.fail_next -= 1
                self.refused.append(event["id"])
                return 500
            signed_at = int(signature.split(",", maxsplit=1)[0].removeprefix("t="))
            self.received.append(Received(event, signature, signed_at))
            return 200

    def of_type(self, event_type: str) -> list[Received]:
        """The events of a type in the order of their arrival."""
        return [each for each in self.received if each.type == event_type]

    def newest(self, event_type: str) -> Received:
        """The event of a type that happened last, whenever it arrived."""
        return max(self.of_type(event_type), key=lambda each: int(each.event["created"]))

    def wait_for(self, event_type: str, count: int = 1) -> list[Received]:
        """At least `count` events of a type; fails after half a minute."""
        deadline = time.monotonic() + 30
        while len(self.of_type(event_type)) < count:
            assert time.monotonic() < deadline, f"no {event_type}; there are {self.types()}"
            time.sleep(0.01)
        return self.of_type(event_type)

    def types(self) -> list[str]:
        return [each.type for each in self.received]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(body, self.headers["Stripe-Signature"])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
