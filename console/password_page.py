"""Choosing a password of one's own, at the first sign-in or whenever somebody wants to."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from billing_core.errors import BillingError, SettingsError
from console import forms, managing, user_changes
from console.identity import Principal, newcomer_of, principal_of
from console.password_checks import PasswordChecks, waiting
from console.passwords import hash_password
from console.sessions import password_session
from console.user_rules import MINIMUM_PASSWORD_LENGTH, checked_password
from console.users import User, UserError, user_file


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose password it is; a newcomer has just proved the one-time password."""

    user: User
    newcomer: bool

    @property
    def principal(self) -> Principal:
        return Principal(self.user.username, self.user.name, self.user.email, self.user.roles)


class PasswordPage:
    """The form that replaces one's password; every other session of its owner ends."""

    def __init__(self, company_name: str, checks: PasswordChecks) -> None:
        self._company_name = company_name
        self._checks = checks

    def routes(self) -> Sequence[BaseRoute]:
        """Open to whoever has not signed in, because newcomers have not; it asks for a session."""
        return (
            Route("/password", self._form, methods=["GET"]),
            Route("/password", self._submit, methods=["POST"]),
        )

    async def _form(self, request: Request) -> Response:
        owner = _owner(request)
        wanted = forms.destination(request.query_params.get("next") or _came_from(request))
        return self._page(owner, wanted) if owner is not None else _elsewhere(request)

    async def _submit(self, request: Request) -> Response:
        owner = _owner(request)
        if owner is None:
            return _elsewhere(request)
        if not forms.same_origin(request):
            return self._page(owner, "/", forms.FROM_ELSEWHERE, status=403)
        try:
            form = await forms.read_form(request)
        except (ValueError, ClientDisconnect):
            return self._page(owner, "/", forms.UNREADABLE, status=400)
        wanted = forms.destination(form.get("next"))
        try:
            return await self._checked(request, owner, form, wanted)
        except UserError as refusal:
            return self._page(owner, wanted, str(refusal), status=422)
        except (BillingError, SettingsError) as error:
            return self._page(owner, wanted, str(error), status=503)

    async def _checked(
        self, request: Request, owner: _Owner, form: dict[str, str], wanted: str
    ) -> Response:
        username = owner.user.username
        wait = self._checks.begin(request, username)
        if wait:
            sentence = f"Too many tries did not match. Please wait {wait} seconds."
            return waiting(self._page(owner, wanted, sentence, status=429), wait)
        present = form.get("current", "")
        if not owner.newcomer and not await self._checks.matches(owner.user, present):
            return self._page(owner, wanted, "Your present password does not match.", status=401)
        self._checks.succeeded(request, username)
        return await self._replace(request, owner, form, wanted)

    async def _replace(
        self, request: Request, owner: _Owner, form: dict[str, str], wanted: str
    ) -> Response:
        username = owner.user.username
        chosen = checked_password(form.get("new", ""), username)
        if chosen != form.get("again"):
            raise UserError("The two new passwords differ. Type the same one twice.")
        if await self._checks.matches(owner.user, chosen):
            raise UserError("That is the password you have. Choose another one.")
        hashed = await anyio.to_thread.run_sync(hash_password, chosen)
        change = user_changes.change_password(username, hashed)
        await anyio.to_thread.run_sync(managing.perform, owner.principal, change)
        user = user_file().find(username)
        if user is None or user.password_hash != hashed:
            raise UserError("Somebody else has changed this user meanwhile. Sign in again.")
        answer = forms.signed_in_answer(request, password_session(user), wanted)
        self._checks.remember_browser(answer, username)
        return answer

    def _page(self, owner: _Owner, wanted: str, message: str = "", status: int = 200) -> Response:
        return forms.render(
            "password.html",
            status,
            company=self._company_name,
            newcomer=owner.newcomer,
            shortest=MINIMUM_PASSWORD_LENGTH,
            next=wanted,
            message=message,
        )


def _owner(request: Request) -> _Owner | None:
    session_id = forms.session_id_of(request)
    try:
        newcomer = newcomer_of(session_id)
        if newcomer is not None:
            return _Owner(newcomer, newcomer=True)
        principal = principal_of(session_id)
        if principal is None or principal.method != "password":
            return None
        user = user_file().find(principal.username)
    except SettingsError:
        return None
    return _Owner(user, newcomer=False) if user is not None else None


def _came_from(request: Request) -> str:
    """The page of the console on which the link was followed."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc != request.headers.get("host"):
        return "/"
    return f"{referer.path}{f'?{referer.query}' if referer.query else ''}"


def _elsewhere(request: Request) -> Response:
    """Whoever came through the provider has their password there."""
    return RedirectResponse("/" if forms.signed_in(request) else "/signin", status_code=303)
