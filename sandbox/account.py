"""One Stripe account: its objects, its clock, and the events that every change leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from sandbox import due
from sandbox.clock import Clock
from sandbox.ids import Ids
from sandbox.rendering import TODAY, changed
from sandbox.shapes import Json
from sandbox.store import Store

_BY_ITSELF: Json = {"id": None, "idempotency_key": None}


@dataclass
class Orders:
    """What tests asked of the delivery of webhooks; forgotten at a restart."""

    hold: bool = False
    shuffle: bool = False
    duplicates: int = 0
    drop_next: int = 0


@dataclass
class Account:
    """The account that the sandbox plays; every change goes through it.

    `public_url` is the address of the hosted pages, `api_version` the account's default version,
    in which events are kept for listing.
    """

    store: Store
    public_url: str = "http://127.0.0.1:12111"
    business_name: str = "Northwind Cloud"
    api_version: str = TODAY
    ids: Ids = field(default_factory=Ids)
    event_ids: Ids = field(default_factory=Ids)
    orders: Orders = field(default_factory=Orders)
    clock: Clock = field(init=False)
    request: Json = field(init=False, default_factory=lambda: dict(_BY_ITSELF))

    def __post_init__(self) -> None:
        self.clock = Clock(int(self.store.setting("clock_offset") or 0))
        self.api_version = self.store.setting("api_version") or self.api_version
        self._endpoints: list[Json] | None = None

    @property
    def now(self) -> int:
        """The account's present moment, unix seconds (UTC)."""
        return self.clock.now()

    @contextmanager
    def asked_by(self, request_id: str, idempotency_key: str | None) -> Iterator[None]:
        """Name the API request that causes the events within."""
        self.request = {"id": request_id, "idempotency_key": idempotency_key}
        try:
            yield
        finally:
            self.request = dict(_BY_ITSELF)

    def save(self, value: Json) -> None:
        """Keep an object without an event."""
        self.store.put(value, due_at=due.due_at(value))
        if value["object"] == "webhook_endpoint":
            self._endpoints = None

    def record(self, value: Json, event: str) -> Json:
        """Keep an object as it is now and send `event` about it."""
        self.save(value)
        self.emit(event, value)
        return value

    def change(self, before: Json, after: Json, event: str) -> Json:
        """Keep a changed object and send `event` with what differs, if anything does."""
        previous = _own(changed(before, after))
        self.save(after)
        if previous:
            self.emit(event, after, previous)
        return after

    def emit(self, event_type: str, value: Json, previous: Json | None = None) -> str:
        """Record an event of this very second and queue it for each endpoint that wants it.

        Returns the event's id.
        """
        event_id = self.event_ids.new("evt")
        body = {"object": _own(value), "request": self.request}
        if previous is not None:
            body["previous"] = previous
        self.store.connection.execute(
            "INSERT INTO events (id, type, created, api_version, json) VALUES (?, ?, ?, ?, ?)",
            (event_id, event_type, self.now, self.api_version, orjson.dumps(body).decode()),
        )
        self.queue(event_id, event_type)
        return event_id

    def queue(self, event_id: str, event_type: str) -> None:
        """Queue an event for each endpoint that wants it; one to be dropped is never sent."""
        wanting = [each for each in self.endpoints() if wants(each, event_type)]
        dropped = bool(wanting) and self.orders.drop_next > 0
        self.orders.drop_next -= dropped
        self.store.connection.executemany(
            "INSERT INTO deliveries (event_id, endpoint_id, state) VALUES (?, ?, ?)",
            [(event_id, each["id"], "dropped" if dropped else "pending") for each in wanting],
        )

    def endpoints(self) -> list[Json]:
        """The webhook endpoints."""
        if self._endpoints is None:
            self._endpoints = self.store.all("webhook_endpoint")
        return self._endpoints

    def forget_endpoints(self) -> None:
        """Read the endpoints again, after one was removed or a change was rolled back."""
        self._endpoints = None

    def page_url(self, *parts: str) -> str:
        """The address of a hosted page."""
        return "/".join([self.public_url.rstrip("/"), *parts])

    def keep_clock(self) -> None:
        """Remember how far the clock was moved."""
        self.store.remember("clock_offset", str(self.clock.offset))


def wants(endpoint: Json, event_type: str) -> bool:
    """Whether an endpoint is enabled for a type of event."""
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in enabled or event_type in enabled)


def _own(value: Json) -> Json:
    return {name: part for name, part in value.items() if name[0] != "_"}
