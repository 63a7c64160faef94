"""The sign-in page: a plain form of our own, served before any of the console is."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import streamlit
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from billing_core.errors import SettingsError
from console import forms
from console.identity import cookie_name, newcomer_of
from console.password_checks import PasswordChecks, waiting
from console.sessions import password_session, session_store
from console.settings import console_settings
from console.users import user_file

_MISMATCH = "That user name and password do not match."
_UNREADABLE_USERS = (
    "The list of users cannot be read, so nobody can sign in until an administrator has mended it."
)


class SignIn:
    """The routes that sign somebody in with a password, and out."""

    def __init__(self, company_name: str, checks: PasswordChecks) -> None:
        self._company_name = company_name
        self._checks = checks

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

    def page(
        self, wanted: str, message: str = "", *, username: str = "", status: int = 200
    ) -> Response:
        """The form, with what went wrong."""
        provider = console_settings().oidc()
        return forms.render(
            "signin.html",
            status,
            company=self._company_name,
            next=wanted,
            message=message,
            username=username,
            provider=provider.name if provider is not None else None,
            by_password=console_settings().console_password_sign_in,
        )

    async def _form(self, request: Request) -> Response:
        wanted = forms.destination(request.query_params.get("next"))
        if forms.signed_in(request):
            return RedirectResponse(wanted, status_code=303)
        if _has_to_choose_a_password(request):
            return _to_the_password_page(wanted)
        return self.page(wanted)

    async def _submit(self, request: Request) -> Response:
        if not forms.same_origin(request):
            return self.page("/", forms.FROM_ELSEWHERE, status=403)
        try:
            form = await forms.read_form(request)
        except (ValueError, ClientDisconnect):
            return self.page("/", forms.UNREADABLE, status=400)
        wanted = forms.destination(form.get("next"))
        if not console_settings().console_password_sign_in:
            return self.page(wanted, "Passwords are not used here.", status=403)
        username, password = form.get("username", ""), form.get("password", "")
        try:
            return await self._check(request, wanted, username, password)
        except SettingsError as error:
            return self.page(wanted, str(error), status=503)

    async def _check(self, request: Request, wanted: str, username: str, password: str) -> Response:
        wait = self._checks.begin(request, username)
        if wait:
            return waiting(self.page(wanted, _slowly(wait), username=username, status=429), wait)
        try:
            user = user_file().find(username)
        except SettingsError:
            return self.page(wanted, _UNREADABLE_USERS, status=503)
        if not await self._checks.matches(user, password) or user is None:
            return self.page(wanted, _MISMATCH, username=username, status=401)
        self._checks.succeeded(request, username)
        if user.one_time_until is not None and self._checks.is_past(user.one_time_until):
            return self.page(
                wanted,
                "That one-time password is too old. An administrator can give you a new one.",
                username=username,
                status=401,
            )
        answer = forms.signed_in_answer(request, password_session(user), wanted)
        if user.one_time_until is not None:
            answer.headers["location"] = _to_the_password_page(wanted).headers["location"]
        else:
            self._checks.remember_browser(answer, user.username)
        return answer

    async def _sign_out_form(self, request: Request) -> Response:
        if not forms.signed_in(request):
            return RedirectResponse("/signin", status_code=303)
        return forms.render("signout.html", company=self._company_name)

    async def _sign_out(self, request: Request) -> Response:
        if not forms.same_origin(request):
            return PlainTextResponse("Sign out from the console's own page.\n", status_code=403)
        session_id = forms.session_id_of(request)
        try:
            if session_id:
                session_store().close(session_id)
        except SettingsError as error:
            return PlainTextResponse(f"You are still signed in. {error}\n", status_code=503)
        answer = RedirectResponse("/signin", status_code=303)
        forms.drop_cookie(answer, cookie_name())
        return answer


def _slowly(wait: int) -> str:
    unit = "second" if wait == 1 else "seconds"
    return f"Too many tries did not match. Please wait {wait} {unit} before the next one."


def _has_to_choose_a_password(request: Request) -> bool:
    try:
        return newcomer_of(forms.session_id_of(request)) is not None
    except SettingsError:
        return False


def _to_the_password_page(wanted: str) -> Response:
    return RedirectResponse(f"/password?next={quote(wanted, safe='')}", status_code=303)


async def _stylesheet(_request: Request) -> Response:
    return FileResponse(forms.TEMPLATES / "signin.css", media_type="text/css")


async def _font(_request: Request) -> Response:
    media = Path(streamlit.__file__).parent / "static" / "static" / "media"
    font = next(iter(sorted(media.glob("SourceSansVF-Upright*.woff2"))), None)
    if font is None:
        return PlainTextResponse("No such font.\n", status_code=404)
    return FileResponse(font, media_type="font/woff2")


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")
