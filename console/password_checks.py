"""Checking passwords: two at a time, so that a flood starves nobody, and slowly for a guesser.

A browser in which somebody has signed in is known again by a cookie that names them, and its tries
are counted by themselves: whoever guesses at their name elsewhere does not keep them out.
"""

import hashlib
import secrets
import time
from datetime import UTC, datetime

import anyio
import jwt
from starlette.requests import Request
from starlette.responses import Response

from billing_core.settings import settings
from console.passwords import password_matches
from console.sessions import session_store
from console.settings import console_settings
from console.throttle import Throttle
from console.users import User

_BROWSER_SECONDS = 180 * 86400
_AUDIENCE = "console-browser"
_ALGORITHM = "HS256"


class PasswordChecks:
    """What every form that asks for a password goes through."""

    def __init__(self) -> None:
        self._throttle = Throttle(session_store())
        self._limiter: anyio.CapacityLimiter | None = None

    def begin(self, request: Request, username: str) -> int:
        """Count a try before it is checked; 0, or the seconds to wait when it is refused."""
        return self._throttle.begin(username, _address(request), _browser(request, username))

    def succeeded(self, request: Request, username: str) -> None:
        """Forget the failures that this one makes up for."""
        self._throttle.succeeded(username, _address(request), _browser(request, username))

    async def matches(self, user: User | None, password: str) -> bool:
        """Whether the password is this user's, at the same cost for everybody."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(2)
        return await anyio.to_thread.run_sync(
            password_matches, user, password, limiter=self._limiter
        )

    def is_past(self, at: datetime) -> bool:
        """Whether that time has gone by."""
        return at <= datetime.now(UTC)

    def remember_browser(self, answer: Response, username: str) -> None:
        """Know this browser again as one in which ``username`` has signed in."""
        until = int(time.time()) + _BROWSER_SECONDS
        claims = {"sub": username, "jti": secrets.token_hex(8), "aud": _AUDIENCE, "exp": until}
        answer.set_cookie(
            _cookie_name(),
            jwt.encode(claims, _key(), algorithm=_ALGORITHM),
            max_age=_BROWSER_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=console_settings().serves_https,
        )


def waiting(answer: Response, seconds: int) -> Response:
    """The answer that says to wait, to machines too."""
    answer.headers["retry-after"] = str(seconds)
    return answer


def _browser(request: Request, username: str) -> str | None:
    """The id of a browser in which this very user has signed in before."""
    try:
        claims = jwt.decode(
            request.cookies.get(_cookie_name(), ""),
            _key(),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["sub", "jti", "aud", "exp"]},
        )
    except jwt.PyJWTError:
        return None
    return str(claims["jti"]) if claims["sub"] == username.strip().lower() else None


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _cookie_name() -> str:
    return "__Host-console_browser" if console_settings().serves_https else "console_browser"


def _key() -> bytes:
    """A key of its own, so that nothing signed with it is a command."""
    return hashlib.sha256(f"console browser {settings().command_key()}".encode()).digest()
