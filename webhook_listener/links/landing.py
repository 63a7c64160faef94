"""``/links/{token}``: the page that names the destination, and the redeeming of the link.

Looking changes nothing and calls nobody, so link previews and mail scanners are harmless. Looks are
counted beside the links: a person's cannot be told from a scanner's.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qs

import structlog
from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from billing_core.config import BillingConfig
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.link_results import WINDOW
from billing_core.links import Link, LinkState, return_token
from webhook_listener.apply import describe
from webhook_listener.body import BodyTooLargeError, ClientGoneError, read_body
from webhook_listener.links import redeem
from webhook_listener.links.counts import Counts
from webhook_listener.links.looking import Looking, Standing
from webhook_listener.links.pages import Pages
from webhook_listener.links.redeem import Claim
from webhook_listener.links.sessions import StripeSessions
from webhook_listener.links.visit import address_of, from_our_page, words_for
from webhook_listener.links.visits import Visits
from webhook_listener.links.words import PASSING, Text, Words
from webhook_listener.writer import Writer

T = TypeVar("T")
_LONGEST_FORM = 4_096
_STRIPE_CALLS_AT_ONCE = 8
_log = structlog.get_logger("webhook_listener.links")


class Landing:
    """Shows and redeems links."""

    def __init__(
        self,
        looking: Looking,
        writer: Writer,
        sessions: StripeSessions,
        pages: Pages,
        config: BillingConfig,
        public_url: str,
        counts: Counts,
        visits: Visits,
    ) -> None:
        self._looking = looking
        self._writer = writer
        self._sessions = sessions
        self._pages = pages
        self._config = config
        self._public_url = public_url
        self._counts = counts
        self._visits = visits
        self._stripe_calls = CapacityLimiter(_STRIPE_CALLS_AT_ONCE)

    async def show(self, request: Request) -> Response:
        """Say where the link leads, for whom and until when; nothing is written."""
        token = request.path_params["token"]
        standing = await self._looking.link(token)
        works = standing is not None and standing.state is LinkState.ACTIVE
        if standing is not None and works and request.method == "GET":
            self._visits.opened(standing.link.link_id)
        return self._page(words_for(request, self._config), token, standing)

    async def redeem(self, request: Request) -> Response:
        """Take one use and send the customer on to a fresh Stripe session."""
        words = words_for(request, self._config)
        if not from_our_page(request, self._public_url):
            return self._notice(words, "elsewhere", 403, words.trouble("elsewhere"))
        token = request.path_params["token"]
        seen = await _destination_seen(request)
        standing = await self._looking.link(token)
        if standing is None or standing.state is not LinkState.ACTIVE:
            return self._page(words, token, standing)
        destination = standing.passage.destination
        if destination is None or destination != seen:
            # What the button named is not where the link leads now, so that is shown first.
            return self._page(words, token, standing, status=409)
        claim = await self._claim(request, standing, destination)
        if claim is None:
            return self._page(words, token, await self._looking.link(token))
        return await self._send_on(words, token, standing, claim)

    async def _claim(self, request: Request, standing: Standing, destination: str) -> Claim | None:
        address = address_of(request) if self._config.links.record_address else None
        claim = await self._write(
            lambda connection: redeem.claim(connection, standing.link, destination, address=address)
        )
        if claim is None:
            self._counts.redemptions.labels(destination, "too_late").inc()
        return claim

    async def _send_on(
        self, words: Words, token: str, standing: Standing, claim: Claim
    ) -> Response:
        try:
            url = await self._mint(token, standing, claim)
        except BillingError as error:
            return await self._refused(words, token, standing, claim, error.code)
        except Exception as error:  # noqa: BLE001 - the use is given back, whatever went wrong
            _log.exception("link.mint_failed", cause=describe(error))
            code = BillingErrorCode.STRIPE_UNAVAILABLE
            return await self._refused(words, token, standing, claim, code)
        try:
            await self._write(lambda connection: redeem.settle(connection, claim))
        except Exception as error:  # noqa: BLE001 - its beginning is on record, and the session is made
            _log.exception("link.not_settled", link_id=claim.link.link_id, cause=describe(error))
        self._counts.redemptions.labels(claim.destination, "minted").inc()
        _log.info("link.redeemed", link_id=claim.link.link_id, destination=claim.destination)
        return RedirectResponse(url, status_code=303, headers=self._pages.headers)

    async def _mint(self, token: str, standing: Standing, claim: Claim) -> str:
        view = standing.view
        if view is None:
            raise BillingError(BillingErrorCode.NO_CUSTOMER, "There is no organization.")
        path = f"/return/{return_token(token)}"
        return await to_thread.run_sync(
            self._sessions.open,
            claim.link,
            claim.destination,
            view,
            path,
            limiter=self._stripe_calls,
        )

    async def _refused(
        self, words: Words, token: str, standing: Standing, claim: Claim, code: BillingErrorCode
    ) -> Response:
        await self._write(lambda connection: redeem.settle(connection, claim, refusal=code.value))
        self._counts.redemptions.labels(claim.destination, "refused").inc()
        _log.warning("link.refused", link_id=claim.link.link_id, code=code.value)
        return self._notice(
            words,
            "refused",
            503 if code in PASSING else 409,
            words.refused(code, standing.ends_at),
            again=f"/links/{token}",
            link=claim.link,
        )

    def _page(
        self, words: Words, token: str, standing: Standing | None, *, status: int = 200
    ) -> Response:
        if standing is None:
            return self._notice(words, "unknown", 404, words.dead_end(None), ask=True)
        if standing.state is not LinkState.ACTIVE:
            return self._dead_end(words, token, standing)
        offered = standing.passage.destination
        problem = standing.passage.problem
        explained = words.problem(problem, standing.ends_at) if problem is not None else None
        link = standing.link
        if offered is None:
            heading = words.destination(link.destination)
            text = Text(heading, (explained,) if explained else ())
            return self._notice(words, "nowhere", 409, text, ask=True, link=link)
        self._counts.pages.labels("landing" if problem is None else "changed").inc()
        own = offered == link.destination
        return self._pages.render(
            "landing.html",
            words,
            status=status,
            link=link,
            offered=offered,
            problem=explained,
            org_name=(standing.view.name if standing.view else None) or link.org_id,
            plan=standing.plan if own else None,
            new_plan=self._plan_for_sale(link) if own else None,
        )

    def _dead_end(self, words: Words, token: str, standing: Standing) -> Response:
        redeemed_at = standing.link.last_redeemed_at
        recent = redeemed_at is not None and datetime.now(UTC) < redeemed_at + WINDOW
        return self._notice(
            words,
            standing.state.name.lower(),
            410,
            words.dead_end(standing.state),
            came_of_it=f"/return/{return_token(token)}" if recent else None,
            ask=True,
            link=standing.link,
        )

    def _plan_for_sale(self, link: Link) -> str | None:
        if link.target_lookup_key is None:
            return None
        return self._config.plan_name(self._config.plan_for(link.target_lookup_key, None))

    def _notice(
        self,
        words: Words,
        page: str,
        status: int,
        text: Text,
        *,
        again: str | None = None,
        came_of_it: str | None = None,
        ask: bool = False,
        link: Link | None = None,
    ) -> Response:
        self._counts.pages.labels(page).inc()
        return self._pages.render(
            "notice.html",
            words,
            status=status,
            text=text,
            again=again,
            came_of_it=came_of_it,
            ask=ask,
            link=link,
        )

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._writer.run(work))


async def _destination_seen(request: Request) -> str | None:
    """The destination that the button named."""
    try:
        body = await read_body(request.scope, request.receive, limit=_LONGEST_FORM)
        fields = parse_qs(body.decode("utf-8", errors="replace"), max_num_fields=10)
    except (BodyTooLargeError, ClientGoneError, ValueError):
        return None
    return fields.get("destination", [None])[0]
