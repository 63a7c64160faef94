"""Delivers events as signed webhooks, with retries that survive a restart."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import logging
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from sandbox.account import Account
from sandbox.posting import Poster, UnreachableError
from sandbox.rendering import render_event
from sandbox.resources.events import COLUMNS
from sandbox.shapes import Json
from sandbox.store import Query

_AT_ONCE = 32
_LONGEST_WAIT = 60.0
_GIVE_UP_AFTER = 72  # attempts
_PROBE_EVERY = 0.3
_LOOK_EVERY = 0.2
_SHUFFLED_WINDOW = 5000
_OK, _REDIRECT = 200, 300  # only 2xx counts as received
_NOBODY_LISTENS = "nobody listens"
_log = logging.getLogger("sandbox.webhooks")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    seq: int
    event_id: str
    endpoint_id: str
    attempts: int


def signature(body: bytes, secrets: list[str], moment: int) -> str:
    """The `Stripe-Signature` header: one v1 for each secret (docs.stripe.com/webhooks)."""
    signed = f"{moment}.".encode() + body
    schemes = [
        f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in secrets
    ]
    return ",".join([f"t={moment}", *schemes])


@dataclass
class Sender:
    """Posts what is pending, up to 32 at once, oldest first.

    `retry_seconds` is the first wait after a failure; each further one is twice as long, up to a
    minute. While an endpoint refuses connections, one delivery at a time probes it and the rest
    wait without using up attempts.
    """

    account: Account
    retry_seconds: float = 1.0
    timeout_seconds: float = 10.0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _flying: dict[Delivery, asyncio.Task[None]] = field(default_factory=dict)
    _unreachable: set[str] = field(default_factory=set)

    def wake(self) -> None:
        """Look for pending deliveries now."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        poster = Poster(_AT_ONCE, self.timeout_seconds)
        try:
            while True:
                self._wake.clear()
                self._launch(poster)
                await self._pause()
        finally:
            poster.close()
            for task in self._flying.values():
                task.cancel()
            await asyncio.gather(*self._flying.values(), return_exceptions=True)

    async def _pause(self) -> None:
        if self._unreachable:
            await asyncio.sleep(_PROBE_EVERY)
            return
        with suppress(TimeoutError):
            # asyncio.wait_for would now and then swallow the cancellation that ends this loop.
            async with asyncio.timeout(_LOOK_EVERY):
                await self._wake.wait()

    def _launch(self, poster: Poster) -> None:
        if self.account.orders.hold:
            return
        for endpoint in self.account.endpoints():
            endpoint_id = endpoint["id"]
            busy = sum(flight.endpoint_id == endpoint_id for flight in self._flying)
            most = 1 if endpoint_id in self._unreachable else _AT_ONCE
            for delivery in self._due(endpoint_id, most - busy):
                self._flying[delivery] = asyncio.create_task(self._deliver(poster, delivery))

    def _due(self, endpoint_id: str, most: int) -> list[Delivery]:
        if most <= 0:
            return []
        window = _SHUFFLED_WINDOW if self.account.orders.shuffle else most + len(self._flying)
        rows = self.account.store.connection.execute(
            "SELECT seq, event_id, endpoint_id, attempts FROM deliveries"
            " WHERE state = 'pending' AND next_attempt_at <= ? AND endpoint_id = ?"
            " ORDER BY next_attempt_at, seq LIMIT ?",
            (time.time(), endpoint_id, window),
        ).fetchall()
        flying = {flight.seq for flight in self._flying}
        due = [Delivery(*row) for row in rows if row[0] not in flying]
        if self.account.orders.shuffle:
            random.shuffle(due)
        return due[:most]

    async def _deliver(self, poster: Poster, delivery: Delivery) -> None:
        try:
            endpoint = self.account.store.find(delivery.endpoint_id)
            event = self._event(delivery.event_id)
            if endpoint is None or event is None or endpoint["status"] != "enabled":
                self._settle(delivery, "dropped", None)
                return
            body = orjson.dumps(render_event(event, endpoint["api_version"]))
            error = await self._post(poster, endpoint, body)
            for _ in range(self.account.orders.duplicates if error is None else 0):
                await self._post(poster, endpoint, body)
            if error is None:
                self._settle(delivery, "delivered", None)
            else:
                self._retry(delivery, error)
        finally:
            self._flying.pop(delivery, None)
            self._wake.set()

    async def _post(self, poster: Poster, endpoint: Json, body: bytes) -> str | None:
        """Post once, signed now. Returns what went wrong, or None."""
        header = signature(body, endpoint["_secrets"], int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            status = await poster.post(endpoint["url"], body, headers)
        except UnreachableError:
            self._unreachable.add(endpoint["id"])
            return _NOBODY_LISTENS
        except (OSError, ValueError, http.client.HTTPException) as error:
            return type(error).__name__
        self._unreachable.discard(endpoint["id"])
        return None if _OK <= status < _REDIRECT else f"answered {status}"

    def _event(self, event_id: str) -> Json | None:
        rows = self.account.store.page("events", Query([("id = ?", event_id)]), COLUMNS).rows
        return rows[0] if rows else None

    def _retry(self, delivery: Delivery, error: str) -> None:
        if error == _NOBODY_LISTENS:
            return
        attempts = delivery.attempts + 1
        if attempts >= _GIVE_UP_AFTER:
            _log.warning("gave up delivering %s after %d attempts", delivery.event_id, attempts)
            self._settle(delivery, "failed", error)
            return
        wait = min(_LONGEST_WAIT, self.retry_seconds * 2 ** min(delivery.attempts, 20))
        self.account.store.connection.execute(
            "UPDATE deliveries SET attempts = ?, next_attempt_at = ?, last_error = ? WHERE seq = ?",
            (attempts, time.time() + wait, error, delivery.seq),
        )

    def _settle(self, delivery: Delivery, state: str, error: str | None) -> None:
        self.account.store.connection.execute(
            "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_error = ?"
            " WHERE seq = ?",
            (state, error, delivery.seq),
        )
