"""``/return/{token}``: where Stripe sends the customer back. It reads and polls; it never writes.

Coming back proves nothing. What is told is what the webhook brought since the link was redeemed,
and after a minute without any news, that nothing has changed.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing_core.config import BillingConfig
from billing_core.link_results import WINDOW
from webhook_listener.links.counts import Counts
from webhook_listener.links.looking import Homecoming, Looking
from webhook_listener.links.pages import Pages
from webhook_listener.links.visit import words_for
from webhook_listener.links.visits import Visits
from webhook_listener.links.words import Text, Words

PATIENCE_SECONDS = 60
_MOST_DIGITS = 5


class Returning:
    """Tells a customer who comes back what has arrived."""

    def __init__(
        self,
        looking: Looking,
        pages: Pages,
        config: BillingConfig,
        app_url: str,
        counts: Counts,
        visits: Visits,
    ) -> None:
        self._looking = looking
        self._pages = pages
        self._config = config
        self._app_url = app_url
        self._counts = counts
        self._visits = visits

    async def show(self, request: Request) -> Response:
        """The page; without script it looks again by itself every few seconds."""
        words = words_for(request, self._config)
        token = request.path_params["token"]
        home = await self._looking.homecoming(token)
        if home is None or _long_ago(home):
            return self._gone(words, home)
        waited = _waited(request)
        state, text = _told(words, home, waited)
        self._counts.returns.labels(state).inc()
        if request.method == "GET" and "waited" not in request.query_params:
            self._visits.returned(home.link.link_id)
        return self._pages.render(
            "return.html",
            words,
            state=state,
            text=text,
            waited=waited,
            status_path=f"/return/{token}/status",
            app_url=self._app_url,
        )

    async def status(self, request: Request) -> Response:
        """The same as JSON, for the page's script."""
        words = words_for(request, self._config)
        home = await self._looking.homecoming(request.path_params["token"])
        if home is None or _long_ago(home):
            status = 404 if home is None else 410
            return JSONResponse({"state": "gone"}, status_code=status, headers=self._pages.headers)
        state, text = _told(words, home, _waited(request))
        answer = {"state": state, "heading": text.heading, "sentences": text.sentences}
        return JSONResponse(answer, headers=self._pages.headers)

    def _gone(self, words: Words, home: Homecoming | None) -> Response:
        return self._pages.render(
            "return.html",
            words,
            status=404 if home is None else 410,
            state="changed",
            text=words.long_ago(),
            waited=0,
            status_path="",
            app_url=self._app_url,
        )


def _told(words: Words, home: Homecoming, waited: int) -> tuple[str, Text]:
    if home.news is not None:
        return "changed", words.came(home.news)
    if waited < PATIENCE_SECONDS:
        return "waiting", words.waiting()
    return "unchanged", words.unchanged()


def _long_ago(home: Homecoming) -> bool:
    """Whether the visit is over, and what is there now is nobody's business who has the address."""
    redeemed_at = home.link.last_redeemed_at
    return redeemed_at is not None and datetime.now(UTC) > redeemed_at + WINDOW


def _waited(request: Request) -> int:
    """How many seconds the page says that it has waited."""
    value = request.query_params.get("waited", "0")
    if not (value.isascii() and value.isdecimal()):
        return 0
    return int(value[:_MOST_DIGITS])
