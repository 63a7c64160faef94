"""The load generator, a process of its own: signed events replayed once each, and timed.

It speaks HTTP by hand over kept-alive connections, because a full client would cost as much as the
listener that it measures.
"""

import asyncio
import gc
import hashlib
import hmac
import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from bench.events import bodies

_HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: ``events`` numbered from ``first``, over ``connections`` to ``port``.

    ``rate`` events a second are sent whether or not answers come; 0 sends the next event when the
    last one was answered. ``stored_orgs`` are in the database already.
    """

    port: int
    secret: str
    events: int
    first: int
    connections: int
    rate: int = 0
    stored_orgs: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """What was seen; latencies in milliseconds, ``began`` and ``ended`` on the monotonic clock.

    An event's latency runs from the moment it was due until its answer was read.
    """

    acknowledged: int
    refused: int
    began: float
    ended: float
    p50: float
    p99: float
    worst: float


@dataclass
class _Run:
    """What the connections share."""

    requests: Iterator[bytes]
    left: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    waiting: deque[float] = field(default_factory=deque)
    idle: list["_Connection"] = field(default_factory=list)
    closed_loop: bool = True

    def answered(self, connection: "_Connection", due: float, status: bytes) -> None:
        """Note an answer, and send what is next on the connection that is now free."""
        self.latencies.append(time.perf_counter() - due)
        if status != b"200":
            self.refused += 1
        self.left -= 1
        if self.left == 0:
            self.done.set()
        if self.closed_loop:
            connection.send_next(time.perf_counter())
        elif self.waiting:
            connection.send_next(self.waiting.popleft())
        else:
            self.idle.append(connection)


class _Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self, due: float) -> None:
        """Send the next request, which was ``due`` at that time."""
        request = next(self._run.requests, None)
        if request is not None:
            self._due = due
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read on until the answer is whole."""
        self._received += data
        head, found, body = self._received.partition(_HEADER_END)
        if not found or len(body) < _content_length(head) or self._due is None:
            return
        self._received = b""
        due, self._due = self._due, None
        self._run.answered(self, due, head[9:12])

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up: a connection that closes while answers are due spoils the measurement."""
        if self._run.left:
            raise SystemExit(f"The listener closed a connection: {exc or 'no reason given'}.")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def signed_requests(events: Iterable[bytes], secret: str) -> list[bytes]:
    """Whole HTTP requests, signed now: send them within five minutes."""
    timestamp = int(time.time())
    key = secret.encode()
    requests = []
    for body in events:
        signature = hmac.new(key, b"%d." % timestamp + body, hashlib.sha256).hexdigest()
        head = (
            "POST /webhooks/stripe HTTP/1.1\r\n"
            "host: 127.0.0.1\r\n"
            "content-type: application/json; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\n"
            f"stripe-signature: t={timestamp},v1={signature}\r\n"
            "user-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
            "accept: */*; q=0.5, application/xml\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def send(load: Load) -> Timing:
    """Send the whole load and wait for every answer."""
    requests = signed_requests(
        bodies(load.events, first=load.first, stored_orgs=load.stored_orgs), load.secret
    )
    run = _Run(iter(requests), left=len(requests), closed_loop=not load.rate)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: _Connection(run), "127.0.0.1", load.port))[1]
        for _ in range(load.connections)
    ]
    began = time.monotonic()
    if load.rate:
        run.idle.extend(connections)
        await _send_at_rate(run, load.rate, load.events)
    else:
        for connection in connections:
            connection.send_next(time.perf_counter())
    await run.done.wait()
    return _timing(run, began)


async def _send_at_rate(run: _Run, rate: int, events: int) -> None:
    start = time.perf_counter()
    for number in range(events):
        due = start + number / rate
        await asyncio.sleep(due - time.perf_counter())
        if run.idle:
            run.idle.pop().send_next(due)
        else:
            run.waiting.append(due)


def _timing(run: _Run, began: float) -> Timing:
    ended = time.monotonic()
    ordered = sorted(latency * 1_000 for latency in run.latencies)
    return Timing(
        acknowledged=len(ordered) - run.refused,
        refused=run.refused,
        began=began,
        ended=ended,
        p50=ordered[len(ordered) // 2],
        p99=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        worst=ordered[-1],
    )


def main() -> None:
    """Read a load as JSON from standard input, print its timing as JSON."""
    load = Load(**json.load(sys.stdin))
    gc.disable()  # a pause of ours would look like one of the listener's
    timing = uvloop.run(send(load))
    json.dump(asdict(timing), sys.stdout)


if __name__ == "__main__":
    main()
