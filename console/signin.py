"""The sign-in page: a plain form of our own, served before any of the console is."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import anyio
import jinja2
import streamlit
from starlette.requests import ClientDisconnect, Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Route

from billing_core.errors import SettingsError
from console.gate import safe_next
from console.identity import cookie_name, principal_of, session_store
from console.passwords import password_matches
from console.sessions import LIFETIME_SECONDS
from console.settings import console_settings
from console.throttle import Throttle
from console.users import User, user_file

_HERE = Path(__file__).parent / "templates"
_MAXIMUM_FORM_BYTES = 16_384
_MISMATCH = "That user name and password do not match."
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined
)


class SignIn:
    """The sign-in routes; passwords are checked two at a time, so that a flood starves nobody."""

    def __init__(self, company_name: str) -> None:
        self._company_name = company_name
        self._throttle = Throttle(session_store())
        self._checks: anyio.CapacityLimiter | None = None

    def routes(self) -> Sequence[BaseRoute]:
        """What is open to whoever has not signed in."""
        return (
            Route("/signin", self._form, methods=["GET"]),
            Route("/signin", self._submit, methods=["POST"]),
            Route("/signout", self._sign_out_form, methods=["GET"]),
            Route("/signout", self._sign_out, methods=["POST"]),
            Route("/signin.css", _stylesheet, methods=["GET"]),
            Route("/signin.woff2", _font, methods=["GET"]),
            Route("/healthz", _healthy, methods=["GET"]),
        )

    async def _form(self, request: Request) -> Response:
        wanted = _next(request.query_params.get("next"))
        if _signed_in(request):
            return RedirectResponse(wanted, status_code=303)
        return self._page(wanted)

    async def _submit(self, request: Request) -> Response:
        refusal = self._refused_form(request)
        if refusal is not None:
            return refusal
        try:
            form = await _read_form(request)
        except (ValueError, ClientDisconnect):
            return self._page("/", "That form could not be read. Please try again.", status=400)
        username, password = form.get("username", ""), form.get("password", "")
        wanted = _next(form.get("next"))
        address = request.client.host if request.client else "unknown"
        wait = self._throttle.begin(username, address)
        if wait:
            return self._throttled(wanted, username, wait)
        try:
            user = user_file().find(username)
        except SettingsError:
            return self._page(
                wanted,
                "The list of users cannot be read, so nobody can sign in until an administrator"
                " has mended it.",
                status=503,
            )
        matches = await self._matches(user, password)
        if user is None or not matches:
            return self._page(wanted, _MISMATCH, username=username, status=401)
        self._throttle.succeeded(username, address)
        return self._signed_in_answer(user, wanted)

    async def _matches(self, user: User | None, password: str) -> bool:
        if self._checks is None:
            self._checks = anyio.CapacityLimiter(2)
        return await anyio.to_thread.run_sync(
            password_matches, user, password, limiter=self._checks
        )

    def _signed_in_answer(self, user: User, wanted: str) -> Response:
        answer = RedirectResponse(wanted, status_code=303)
        answer.set_cookie(
            cookie_name(),
            session_store().open(user),
            max_age=LIFETIME_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=console_settings().serves_https,
        )
        return answer

    def _throttled(self, wanted: str, username: str, wait: int) -> Response:
        unit = "second" if wait == 1 else "seconds"
        answer = self._page(
            wanted,
            f"Too many tries did not match. Please wait {wait} {unit} before the next one.",
            username=username,
            status=429,
        )
        answer.headers["retry-after"] = str(wait)
        return answer

    async def _sign_out_form(self, request: Request) -> Response:
        if not _signed_in(request):
            return RedirectResponse("/signin", status_code=303)
        return HTMLResponse(
            _TEMPLATES.get_template("signout.html").render(company=self._company_name)
        )

    async def _sign_out(self, request: Request) -> Response:
        if not _same_origin(request):
            return PlainTextResponse("Sign out from the console's own page.\n", status_code=403)
        session_id = request.cookies.get(cookie_name())
        if session_id:
            session_store().close(session_id)
        answer = RedirectResponse("/signin", status_code=303)
        answer.delete_cookie(
            cookie_name(), path="/", httponly=True, secure=console_settings().serves_https
        )
        return answer

    def _refused_form(self, request: Request) -> Response | None:
        if not _same_origin(request):
            return self._page("/", "That form came from another site. Sign in here.", status=403)
        if not request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        ):
            return self._page("/", "That form could not be read. Please try again.", status=400)
        return None

    def _page(
        self, wanted: str, message: str = "", *, username: str = "", status: int = 200
    ) -> Response:
        page = _TEMPLATES.get_template("signin.html").render(
            company=self._company_name, next=wanted, message=message, username=username
        )
        return HTMLResponse(page, status_code=status)


def _signed_in(request: Request) -> bool:
    try:
        return principal_of(request.cookies.get(cookie_name())) is not None
    except SettingsError:
        return False


def _next(wanted: str | None) -> str:
    return wanted if wanted and safe_next(wanted) else "/"


async def _read_form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAXIMUM_FORM_BYTES:
            raise ValueError("the form is too large")
    return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10))


def _same_origin(request: Request) -> bool:
    """Whether a browser vouches that the form is this console's own; no browser, no cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _stylesheet(_request: Request) -> Response:
    return FileResponse(_HERE / "signin.css", media_type="text/css")


async def _font(_request: Request) -> Response:
    media = Path(streamlit.__file__).parent / "static" / "static" / "media"
    font = next(iter(sorted(media.glob("SourceSansVF-Upright*.woff2"))), None)
    if font is None:
        return PlainTextResponse("No such font.\n", status_code=404)
    return FileResponse(font, media_type="font/woff2")


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")
