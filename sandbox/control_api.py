"""`/_sandbox/…`: the control API, which `sandbox.control.SandboxControl` speaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import billing, cards
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.faults import Fault, Faults
from sandbox.portal import configuration
from sandbox.resources import customers
from sandbox.shapes import Json, copy_of, overlaid
from sandbox.time_travel import TimeTravel

_PAST_BY = 2 * 3600


@dataclass
class ControlApi:
    """The routes below `/_sandbox`; `changed` is called when there may be events to deliver."""

    account: Account
    faults: Faults
    travel: TimeTravel
    changed: Callable[[], None]
    seed: Callable[[], Awaitable[bool]]

    def routes(self) -> list[Route]:
        """All routes of the control API."""
        return [
            self._route("clock", self._read_clock, "GET"),
            self._route("clock", self._move_clock),
            self._route("deliveries", self._count, "GET"),
            self._route("deliveries/wait", self._wait),
            self._route("deliveries/orders", self._order),
            self._route("events/{event_id}/resend", self._resend),
            self._route("endpoint", self._set_endpoint),
            self._route("faults", self._add_fault),
            self._route("faults", self._clear_faults, "DELETE"),
            self._route("cards", self._set_card),
            self._route("settings", self._set),
            self._route("default-configuration", self._save_default_configuration),
            self._route("seed", self._seed),
        ]

    def _route(
        self, path: str, answer: Callable[[Request, Json], Awaitable[Json]], method: str = "POST"
    ) -> Route:
        async def respond(request: Request) -> Response:
            try:
                body = await request.body()
                asked = orjson.loads(body) if body else {}
                if not isinstance(asked, dict):
                    raise Refusal("The control API takes a JSON object.")
                answered = await answer(request, asked)
            except Refusal as refusal:
                return JSONResponse(refusal.body("req_control"), refusal.status)
            except (KeyError, TypeError, ValueError) as error:
                unclear = Refusal(f"The control API did not understand that: {error!r}")
                return JSONResponse(unclear.body("req_control"), unclear.status)
            self.changed()
            return JSONResponse(answered)

        return Route(f"/_sandbox/{path}", respond, methods=[method])

    async def _read_clock(self, _request: Request, _asked: Json) -> Json:
        return {"now": self.account.now}

    async def _move_clock(self, _request: Request, asked: Json) -> Json:
        if "past" in asked:
            moment = self._end_of(asked["past"]) + _PAST_BY
        elif "to" in asked:
            moment = int(asked["to"])
        else:
            moment = self.account.now + int(asked["seconds"])
        if moment < self.account.now:
            raise Refusal("The sandbox's clock cannot be moved back.")
        await self.travel.advance_to(moment)
        return {"now": self.account.now}

    def _end_of(self, subscription_id: str) -> int:
        subscription = self.account.store.get("subscription", subscription_id)
        if subscription["status"] in billing.FINAL:
            raise Refusal(f"Subscription {subscription_id} is already over.")
        ends = [billing.first_period_end(subscription), subscription["cancel_at"]]
        return max(min(int(end) for end in ends if end is not None), self.account.now)

    async def _count(self, _request: Request, _asked: Json) -> Json:
        rows = self.account.store.connection.execute(
            "SELECT state, count(*) FROM deliveries GROUP BY state"
        ).fetchall()
        return dict(rows)

    async def _wait(self, request: Request, asked: Json) -> Json:
        until = time.monotonic() + float(asked.get("timeout_seconds", 60))
        while True:
            counts = await self._count(request, asked)
            if not counts.get("pending"):
                return counts
            if time.monotonic() > until:
                raise Refusal(
                    f"{counts['pending']} webhook deliveries are still pending. Is the listener"
                    " running, with the same STRIPE_WEBHOOK_SECRET?"
                )
            await asyncio.sleep(0.02)

    async def _order(self, _request: Request, asked: Json) -> Json:
        orders = self.account.orders
        known = {each.name for each in fields(orders)}
        if not set(asked) <= known:
            raise Refusal(f"Deliveries take these orders: {', '.join(sorted(known))}.")
        for name, value in asked.items():
            setattr(orders, name, type(getattr(orders, name))(value))
        return {name: getattr(orders, name) for name in sorted(known)}

    async def _resend(self, request: Request, _asked: Json) -> Json:
        event_id = request.path_params["event_id"]
        row = self.account.store.connection.execute(
            "SELECT type FROM events WHERE id = ?", (event_id,)
        ).fetchone()
        if row is None:
            raise Refusal(f"No such event: '{event_id}'", status=404)
        self.account.queue(event_id, row[0])
        return {"resent": event_id}

    async def _set_endpoint(self, _request: Request, asked: Json) -> Json:
        [endpoint, *_] = self.account.endpoints()
        changes: Json = {
            name: asked[name] for name in ("url", "api_version", "enabled_events") if name in asked
        }
        if "secrets" in asked:
            changes["_secrets"] = list(asked["secrets"])
        with self.account.store.transaction():
            self.account.save(overlaid(endpoint, changes))
            if "api_version" in asked:
                self.account.api_version = asked["api_version"]
                self.account.store.remember("api_version", asked["api_version"])
        return {"endpoint": endpoint["id"]}

    async def _add_fault(self, _request: Request, asked: Json) -> Json:
        self.faults.add(Fault(**asked))
        return {"waiting": len(self.faults.waiting)}

    async def _clear_faults(self, _request: Request, _asked: Json) -> Json:
        self.faults.clear()
        return {"waiting": 0}

    async def _set_card(self, _request: Request, asked: Json) -> Json:
        customer = customers.living(self.account, asked["customer"])
        cards.set_declines(self.account, customer, declines=bool(asked["declines"]))
        return {"customer": customer["id"]}

    async def _set(self, _request: Request, asked: Json) -> Json:
        outcome = asked["after_failed_payments"]
        if outcome not in {"cancel", "mark_unpaid"}:
            raise Refusal("after_failed_payments is cancel or mark_unpaid.")
        self.account.store.remember("after_failed_payments", outcome)
        return {"after_failed_payments": outcome}

    async def _save_default_configuration(self, _request: Request, asked: Json) -> Json:
        with self.account.store.transaction():
            chosen = asked.get("configuration")
            kind = configuration.KIND
            saved = (
                self.account.store.get(kind, chosen)
                if chosen
                else configuration.everything_on(self.account)
            )
            for each in self.account.store.all(kind):
                if each["is_default"]:
                    self.account.save(overlaid(each, {"is_default": False}))
            default = copy_of(saved)
            default["is_default"] = True
            self.account.save(default)
        return {"configuration": cast("str", default["id"])}

    async def _seed(self, _request: Request, _asked: Json) -> Json:
        return {"seeded": await self.seed()}
