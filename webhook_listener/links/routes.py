"""The addresses of the public pages and of the console's commands about links."""

from collections.abc import Awaitable, Callable
from functools import wraps

import structlog
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing_core.config import BillingConfig
from billing_core.settings import Settings
from webhook_listener.apply import describe
from webhook_listener.command_endpoint import CommandEndpoint
from webhook_listener.links.commands import COMMANDS, LinkCommands
from webhook_listener.links.counts import Counts
from webhook_listener.links.landing import Landing
from webhook_listener.links.looking import Looking
from webhook_listener.links.pages import Pages
from webhook_listener.links.returning import Returning
from webhook_listener.links.sessions import StripeSessions
from webhook_listener.links.throttle import Throttle
from webhook_listener.links.visit import address_of, words_for
from webhook_listener.links.visits import Visits
from webhook_listener.metrics import Metrics
from webhook_listener.writer import Writer

Handler = Callable[[Request], Awaitable[Response]]
_log = structlog.get_logger("webhook_listener.links")


def link_routes(
    settings: Settings,
    config: BillingConfig,
    engine: Engine,
    writer: Writer,
    metrics: Metrics,
    visits: Visits,
) -> list[Route]:
    """Everything about support links, to be added to the listener's routes."""
    pages = Pages(config, sandbox=settings.stripe_api_base is not None)
    looking = Looking(engine, config)
    counts = Counts(metrics.registry)
    guarded = Guard(Throttle(), pages, config, counts)
    sessions = StripeSessions(settings, config)
    landing = Landing(looking, writer, sessions, pages, config, settings.public_url, counts, visits)
    returning = Returning(looking, pages, config, settings.app_url, counts, visits)
    commands = CommandEndpoint(
        settings.command_key(), writer, COMMANDS, LinkCommands(config, settings.public_url).record
    )

    async def style(_request: Request) -> Response:
        return pages.style()

    async def script(_request: Request) -> Response:
        return pages.script()

    return [
        Route("/links/assets/links.css", style),
        Route("/links/assets/links.js", script),
        Route("/links/{token}", guarded(landing.show), methods=["GET"]),
        Route("/links/{token}", guarded(landing.redeem), methods=["POST"]),
        Route("/return/{token}", guarded(returning.show)),
        Route("/return/{token}/status", guarded(returning.status)),
        Route("/commands/links", commands.handle, methods=["POST"]),
    ]


class Guard:
    """Wraps a handler: too many visits are turned away, and trouble becomes a page."""

    def __init__(
        self, throttle: Throttle, pages: Pages, config: BillingConfig, counts: Counts
    ) -> None:
        self._throttle = throttle
        self._pages = pages
        self._config = config
        self._counts = counts

    def __call__(self, handler: Handler) -> Handler:
        """``handler``, guarded. Whoever asks for a token that is not there pays for a guess."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            address = address_of(request)
            wait = self._throttle.admit(address)
            if wait is not None:
                return self._trouble(request, "busy", 429, wait)
            try:
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 - the visitor gets a page, the log the place
                _log.exception("link.page_failed", cause=describe(error))
                return self._trouble(request, "away", 503, 30)
            if response.status_code == 404:
                self._throttle.charge_guess(address)
            return response

        return guarded

    def _trouble(self, request: Request, kind: str, status: int, wait: int) -> Response:
        self._counts.pages.labels(kind).inc()
        words = words_for(request, self._config)
        return self._pages.render(
            "notice.html",
            words,
            status=status,
            headers={"Retry-After": str(wait)},
            text=words.trouble(kind),
            again=None,
            came_of_it=None,
            ask=False,
            link=None,
        )
