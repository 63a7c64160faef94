"""Signing in through the provider: there with what must come back, and back to a session of ours.

What a trip needs travels in a signed cookie of ten minutes, so that only the browser that began it
can end it. Nothing of the provider's is kept: no token, no cookie.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from billing_core.errors import SettingsError
from billing_core.settings import settings
from console import forms
from console.claims import ClaimsRefusedError, session_of
from console.identity import provided
from console.oidc_settings import CALLBACK_PATH, OidcSettings
from console.provider import (
    Provider,
    ProviderRefusedError,
    ProviderUnavailableError,
    Trip,
)
from console.sessions import Session
from console.settings import console_settings
from console.signin import SignIn
from console.users import user_file

_TRIP_SECONDS = 600
_AUDIENCE = "console-sign-in"
_ALGORITHM = "HS256"
_log = logging.getLogger("console.sign_in")


class SingleSignOn:
    """The two routes of the trip."""

    def __init__(self, oidc: OidcSettings, sign_in: SignIn) -> None:
        self._oidc = oidc
        self._provider = Provider(oidc)
        self._page = sign_in.page

    def routes(self) -> Sequence[BaseRoute]:
        """Open to whoever has not signed in."""
        return (
            Route("/signin/provider", self._begin, methods=["GET"]),
            Route(CALLBACK_PATH, self._come_back, methods=["GET"]),
        )

    async def _begin(self, request: Request) -> Response:
        wanted = forms.destination(request.query_params.get("next"))
        if forms.signed_in(request):
            return RedirectResponse(wanted, status_code=303)
        try:
            address, trip = await self._provider.begin()
        except ProviderUnavailableError:
            return self._unavailable(wanted)
        answer = RedirectResponse(address, status_code=303)
        answer.set_cookie(
            _cookie_name(trip.state),
            _packed(trip, wanted),
            max_age=_TRIP_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=console_settings().serves_https,
        )
        return answer

    async def _come_back(self, request: Request) -> Response:
        state = request.query_params.get("state", "")
        cookie = _cookie_name(state)
        claims = _unpacked(request.cookies.get(cookie, ""), state)
        if claims is None:
            return self._page(
                "/",
                "That sign-in was begun elsewhere, took too long, or is over already. Begin anew.",
                status=400,
            )
        trip = Trip(state, claims["nonce"], claims["verifier"])
        answer = await self._finish(request, trip, forms.destination(claims["next"]))
        forms.drop_cookie(answer, cookie)
        return answer

    async def _finish(self, request: Request, trip: Trip, wanted: str) -> Response:
        query = request.query_params
        if "code" not in query:
            return self._page(wanted, f"{self._oidc.name} has not signed you in.", status=401)
        try:
            claims = await self._provider.finish(trip, query["code"], query.get("iss"))
            session = self._welcome(session_of(claims, self._oidc))
            return forms.signed_in_answer(request, session, wanted, self._oidc.session_seconds)
        except ProviderUnavailableError:
            return self._unavailable(wanted)
        except ProviderRefusedError as error:
            _log.warning("What came back from the sign-in provider was refused: %s", error)
            return self._page(
                wanted, f"The answer of {self._oidc.name} does not prove who you are.", status=401
            )
        except ClaimsRefusedError as refusal:
            return self._page(wanted, str(refusal), status=403)
        except SettingsError as error:
            return self._page(wanted, str(error), status=503)

    def _welcome(self, session: Session) -> Session:
        """The session, if it opens anything. Raises ClaimsRefusedError."""
        user = user_file().find(session.username)
        if user is not None and user.disabled:
            raise ClaimsRefusedError(
                f"An administrator has closed this console to {session.email}."
            )
        if provided(session) is None:
            raise ClaimsRefusedError(
                f"You are known to {self._oidc.name} as {session.email}, but have no role here."
                " An administrator can give you one."
            )
        return session

    def _unavailable(self, wanted: str) -> Response:
        otherwise = console_settings().console_password_sign_in
        return self._page(
            wanted,
            f"{self._oidc.name} does not answer as it should, so nobody can be signed in through it"
            f" now. Try again{' or use a password' if otherwise else ''}.",
            status=503,
        )


def _packed(trip: Trip, wanted: str) -> str:
    claims = {"next": wanted, "aud": _AUDIENCE, "exp": int(time.time()) + _TRIP_SECONDS}
    return jwt.encode(asdict(trip) | claims, _key(), algorithm=_ALGORITHM)


def _unpacked(cookie: str, state: str) -> Mapping[str, Any] | None:
    try:
        claims = jwt.decode(
            cookie,
            _key(),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["aud", "exp"]},
        )
    except jwt.PyJWTError:
        return None
    return claims if hmac.compare_digest(str(claims["state"]).encode(), state.encode()) else None


def _cookie_name(state: str) -> str:
    """A name for each trip, so that two windows can be on their way at once."""
    mark = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    prefix = "__Host-" if console_settings().serves_https else ""
    return f"{prefix}console_trip_{mark}"


def _key() -> bytes:
    """A key of its own, so that nothing signed with it is a command."""
    return hashlib.sha256(f"console sign-in {settings().command_key()}".encode()).digest()
