"""Stripe's API over HTTP: keys, versions, idempotency, errors; the resources do the rest."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.expand import expanded
from sandbox.faults import Faults
from sandbox.forms import decode
from sandbox.params import Params
from sandbox.rendering import TODAY, render
from sandbox.resources import (
    checkout_sessions,
    coupons,
    customers,
    events,
    invoices,
    payment_methods,
    portal_configurations,
    portal_sessions,
    prices,
    products,
    subscriptions,
    webhook_endpoints,
)
from sandbox.resources.common import Call, Route
from sandbox.shapes import Json

ROUTES: list[Route] = [
    *customers.ROUTES,
    *payment_methods.ROUTES,
    *products.ROUTES,
    *prices.ROUTES,
    *coupons.ROUTES,
    *subscriptions.ROUTES,
    *invoices.ROUTES,
    *portal_configurations.ROUTES,
    *portal_sessions.ROUTES,
    *checkout_sessions.ROUTES,
    *events.ROUTES,
    *webhook_endpoints.ROUTES,
]
_KEY = re.compile(r"(sk|rk)_test_[\w-]+")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.\w+)?")
_LONGEST_BODY = 1_000_000
_LONGEST_IDEMPOTENCY_KEY = 255
_log = logging.getLogger("sandbox.api")


@dataclass(frozen=True, slots=True)
class Asked:
    """One HTTP request to the API, read in full."""

    method: str
    path: str
    query: bytes
    body: bytes
    request_id: str
    idempotency_key: str | None
    version: str

    def fingerprint(self) -> str:
        """What must be equal for a request to be the same one again."""
        asked = b"\n".join([self.method.encode(), self.path.encode(), self.query, self.body])
        return hashlib.sha256(asked).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON text that goes with it."""

    status: int
    body: bytes
    replayed: bool = False


@dataclass
class Api:
    """Answers everything below `/v1`; `changed` is called when there may be events to deliver."""

    account: Account
    faults: Faults
    changed: Callable[[], None]

    def __post_init__(self) -> None:
        self._routes = [(route, _pattern(route.path)) for route in ROUTES]

    async def answer(self, request: Request) -> Response:
        """The response to one request; never an exception."""
        request_id = self.account.ids.new("req")
        version = request.headers.get("stripe-version", TODAY)
        try:
            answer = await self._answered(request, request_id, version)
        except Refusal as refusal:
            answer = Answer(refusal.status, orjson.dumps(refusal.body(request_id)))
        except Exception:  # noqa: BLE001 - the caller gets Stripe's error shape, the log the rest
            _log.exception("the sandbox failed at %s %s", request.method, request.url.path)
            fault = Refusal("The sandbox made a mistake; its log has it.", 500, "api_error")
            answer = Answer(fault.status, orjson.dumps(fault.body(request_id)))
        headers = {"Request-Id": request_id, "Stripe-Version": version, "Cache-Control": "no-store"}
        if "idempotency-key" in request.headers:
            headers["Idempotency-Key"] = request.headers["idempotency-key"]
        if answer.replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(answer.body, answer.status, headers, media_type="application/json")

    async def _answered(self, request: Request, request_id: str, version: str) -> Answer:
        _check_key(request.headers.get("authorization"))
        if not _VERSION.fullmatch(version):
            raise Refusal(f"Invalid Stripe API version: {version}")
        body = await request.body()
        if len(body) > _LONGEST_BODY:
            raise Refusal("The request is too large.", status=413)
        asked = Asked(
            method=request.method,
            path=request.url.path,
            query=request.url.query.encode(),
            body=body,
            request_id=request_id,
            idempotency_key=_idempotency_key(request),
            version=version,
        )
        fault = self.faults.take(asked.method, asked.path)
        if fault is not None and fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.status and not fault.after_effect:
            raise fault.refusal()
        answer = self._once(asked)
        self.changed()
        if fault is not None and fault.status:
            raise fault.refusal()
        return answer

    def _once(self, asked: Asked) -> Answer:
        """Do it, or repeat what was answered under this idempotency key."""
        store = self.account.store
        try:
            with store.transaction():
                replay = self._replay(asked)
                if replay is not None:
                    return replay
                with self.account.asked_by(asked.request_id, asked.idempotency_key):
                    answer = self._performed(asked)
                if asked.idempotency_key is not None:
                    store.connection.execute(
                        "INSERT INTO idempotency VALUES (?, ?, ?, ?)",
                        (
                            asked.idempotency_key,
                            asked.fingerprint(),
                            answer.status,
                            answer.body.decode(),
                        ),
                    )
                return answer
        except BaseException:
            self.account.forget_endpoints()
            raise

    def _replay(self, asked: Asked) -> Answer | None:
        if asked.idempotency_key is None:
            return None
        row = self.account.store.connection.execute(
            "SELECT fingerprint, status, body FROM idempotency WHERE key = ?",
            (asked.idempotency_key,),
        ).fetchone()
        if row is None:
            return None
        if row[0] != asked.fingerprint():
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{asked.idempotency_key}' if you"
                " meant to execute a different request.",
                type="idempotency_error",
            )
        return Answer(row[1], row[2].encode(), replayed=True)

    def _performed(self, asked: Asked) -> Answer:
        route, ids = self._find(asked.method, asked.path)
        values = {**decode(asked.query), **decode(asked.body)}
        expand = Params(values).texts("expand")
        values.pop("expand", None)
        call = Call(ids, Params(values), asked.version, asked.path)
        try:
            result = route.handler(self.account, call)
        except Refusal as refusal:
            if not refusal.keeps_effects:
                raise
            return Answer(refusal.status, orjson.dumps(refusal.body(asked.request_id)))
        shown: Json = render(expanded(self.account, result, expand), asked.version)
        return Answer(200, orjson.dumps(shown))

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route, pattern in self._routes:
            match = pattern.fullmatch(path) if route.method == method else None
            if match is not None:
                return route, match.groupdict()
        raise Refusal(
            f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we"
            " can help at https://support.stripe.com/.",
            status=404,
        )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def _check_key(authorization: str | None) -> None:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Refusal(
            "You did not provide an API key. You need to provide your API key in the Authorization"
            " header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not _KEY.fullmatch(key):
        hidden = "*" * 8 + key[-4:]
        raise Refusal(f"Invalid API Key provided: {hidden}", status=401)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is not None and len(key) > _LONGEST_IDEMPOTENCY_KEY:
        raise Refusal(
            f"Idempotency keys may be at most {_LONGEST_IDEMPOTENCY_KEY} characters long.",
            type="idempotency_error",
        )
    return key or None
