"""Puts the sandbox together: one process, one state file, API, hosted pages and control API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.account import Account
from sandbox.api import Api
from sandbox.control_api import ControlApi
from sandbox.faults import Faults
from sandbox.pages import checkout, invoice, portal
from sandbox.pages.rendering import page
from sandbox.resources import webhook_endpoints
from sandbox.seed import seed
from sandbox.settings import Settings
from sandbox.shapes import overlaid
from sandbox.store import Store
from sandbox.time_travel import TimeTravel
from sandbox.webhooks import Sender

_STATIC = Path(__file__).parent / "pages" / "static"
_log = logging.getLogger("sandbox")
_WELCOME = """Sandbox: stands in for Stripe.

  /v1/...          the API; use any key that starts with sk_test_ or rk_test_
  /p/session/...   the customer portal; create a portal session to get an address
  /c/pay/...       checkout
  /_sandbox/...    the control API; see sandbox/control.py
"""


@dataclass
class Sandbox:
    """A running sandbox's parts."""

    settings: Settings
    public_url: str
    seeded_at_start: bool = False
    account: Account = field(init=False)
    sender: Sender = field(init=False)
    travel: TimeTravel = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.account = Account(
            Store(settings.state),
            public_url=self.public_url,
            business_name=settings.business_name,
            api_version=settings.api_version,
        )
        self.sender = Sender(self.account, settings.retry_seconds, settings.timeout_seconds)
        self.travel = TimeTravel(self.account, self.sender.wake)
        self._seeding = asyncio.Lock()
        _set_up_endpoint(self.account, settings)

    async def seed(self) -> bool:
        """Add the sample company; returns False if it is there already."""
        async with self._seeding:
            if seed.is_seeded(self.account):
                return False
            history = await asyncio.to_thread(seed.write_history, self.account.now, self.public_url)
            seed.adopt(self.account, history)
        self.sender.wake()
        return True

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Send webhooks and keep time while the app runs."""
        tasks = [
            asyncio.create_task(_logged(self.sender.run())),
            asyncio.create_task(_logged(self.travel.keep_time(self.settings.tick_seconds))),
        ]
        if self.seeded_at_start:
            tasks.append(asyncio.create_task(_logged(self.seed())))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.account.store.close()


async def _logged(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except Exception:  # noqa: BLE001 - a task has no caller who could catch it
        _log.exception("a background task of the sandbox stopped")


def _set_up_endpoint(account: Account, settings: Settings) -> None:
    """Send events where the settings say, as they say it now."""
    own = [each for each in account.endpoints() if each.get("_from_settings")]
    chosen: dict[str, object] = {
        "url": settings.webhook_url,
        "_secrets": [settings.signing_secret()],
        "_from_settings": True,
    }
    if not own:
        endpoint = webhook_endpoints.new(
            account, "", "", account.api_version, webhook_endpoints.DEFAULT_EVENTS
        )
        account.save({**endpoint, **chosen})
        return
    if "api_version" in settings.model_fields_set:
        chosen["api_version"] = account.api_version = settings.api_version
    account.save(overlaid(own[0], chosen))


class _SandboxTime:
    """Stamps every response with the sandbox's clock, as Stripe stamps with its own."""

    def __init__(self, app: ASGIApp, account: Account) -> None:
        self._app = app
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._account.now, usegmt=True).encode()
                message["headers"] = [*message.get("headers", []), (b"date", date)]
            await send(message)

        await self._app(scope, receive, stamped if scope["type"] == "http" else send)


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The ASGI application of a sandbox; serve it with uvicorn's `date_header=False`."""
    faults = Faults()
    account, wake = sandbox.account, sandbox.sender.wake
    api = Api(account, faults, wake)
    control = ControlApi(account, faults, sandbox.travel, wake, sandbox.seed)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def welcome(_request: Request) -> Response:
        return PlainTextResponse(_WELCOME)

    async def back_in_the_product(request: Request) -> Response:
        return page(
            "message.html",
            business=sandbox.settings.business_name,
            title="Back in the product",
            text=f"Your own product would answer here, at {request.url.path}. Coming back proves"
            " nothing yet: what changed arrives by webhook.",
        )

    app = Starlette(
        routes=[
            Route("/", welcome),
            Route("/settings/{path:path}", back_in_the_product),
            Route("/healthz", healthz),
            Route("/v1/{path:path}", api.answer, methods=["GET", "POST", "DELETE", "PUT", "PATCH"]),
            *control.routes(),
            *portal.Portal(account, wake).routes(),
            *checkout.Checkout(account, wake).routes(),
            *invoice.InvoicePages(account, wake).routes(),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        lifespan=sandbox.lifespan,
    )
    return _SandboxTime(app, account)
