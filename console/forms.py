"""What the pages before the console share: their templates, their forms, the session's cookie."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from billing_core.errors import SettingsError
from console.gate import safe_next
from console.identity import cookie_name, principal_of
from console.sessions import LIFETIME_SECONDS, Session, session_store
from console.settings import console_settings

TEMPLATES = Path(__file__).parent / "templates"
FROM_ELSEWHERE = "That form came from another site. Use the form here."
UNREADABLE = "That form could not be read. Please try again."
_MAXIMUM_FORM_BYTES = 16_384
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
)


def render(template: str, status: int = 200, **values: object) -> Response:
    """One of our own pages; whatever is put into it is escaped."""
    page = _ENVIRONMENT.get_template(template).render(**values)
    return HTMLResponse(page, status_code=status)


async def read_form(request: Request) -> dict[str, str]:
    """What a form of ours sent. Raises ValueError for anything else, and for too much."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise ValueError("this is not a form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAXIMUM_FORM_BYTES:
            raise ValueError("the form is too large")
    return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10))


def same_origin(request: Request) -> bool:
    """Whether a browser vouches that the form is this console's own; no browser, no cookies."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def destination(wanted: str | None) -> str:
    """Where to go after signing in: the path asked for if it stays here, else the first page."""
    return wanted if wanted and safe_next(wanted) else "/"


def session_id_of(request: Request) -> str | None:
    """The id in the request's session cookie, whatever it is worth."""
    return request.cookies.get(cookie_name())


def signed_in(request: Request) -> bool:
    """Whether the request comes from somebody who is signed in."""
    try:
        return principal_of(session_id_of(request)) is not None
    except SettingsError:
        return False


def signed_in_answer(
    request: Request, session: Session, wanted: str, lifetime_seconds: int = LIFETIME_SECONDS
) -> Response:
    """Open a session under a new id, end the one that the browser had, and go on to ``wanted``."""
    answer = RedirectResponse(wanted, status_code=303)
    before = session_id_of(request)
    if before:
        session_store().close(before)
    answer.set_cookie(
        cookie_name(),
        session_store().open(session, lifetime_seconds),
        max_age=lifetime_seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=console_settings().serves_https,
    )
    return answer


def drop_cookie(answer: Response, name: str) -> None:
    """Have the browser forget one of our cookies."""
    answer.delete_cookie(
        name, path="/", httponly=True, samesite="lax", secure=console_settings().serves_https
    )
