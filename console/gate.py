"""The gate before everything: nobody unknown gets past it, by HTTP or by WebSocket."""

from collections.abc import Callable, Iterable
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROVIDER_PATHS = frozenset({"/signin/provider", "/oauth2callback"})
OPEN_PATHS = frozenset(
    {
        "/signin",
        "/signout",
        "/password",
        "/signin.css",
        "/signin.woff2",
        "/healthz",
        "/_stcore/health",
    }
)
_NO_DESTINATION = PROVIDER_PATHS | {"/signin", "/signout", "/password"}
_LONGEST_NEXT = 2000


class Gate:
    """ASGI middleware: host check, sign-in check, security headers.

    ``signed_in`` answers whether a cookie's session id is somebody's live session. ``open_paths``
    are, exactly, those for whoever has not signed in.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        signed_in: Callable[[str | None], bool],
        cookie: str,
        allowed_hosts: Iterable[str],
        script_hashes: Iterable[str],
        https: bool,
        open_paths: Iterable[str] = OPEN_PATHS,
    ) -> None:
        self._app = app
        self._open_paths = frozenset(open_paths)
        self._signed_in = signed_in
        self._cookie = cookie
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._headers = security_headers(script_hashes, https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 4401})
            else:
                await self._app(scope, receive, send)
            return
        target: ASGIApp = refusal if refusal is not None else self._app
        await target(scope, receive, self._with_headers(send, scope["path"]))

    def _refusal(self, scope: Scope) -> Response | None:
        connection = HTTPConnection(scope)
        if _host_name(connection.headers) not in self._allowed_hosts:
            return PlainTextResponse(
                "The console does not answer to this host name. Its administrator sets CONSOLE_URL"
                " to the address that staff use.\n",
                status_code=421,
            )
        path: str = scope["path"]
        if path in self._open_paths or self._signed_in(connection.cookies.get(self._cookie)):
            return None
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Sign in first.\n", status_code=401)
        query = scope["query_string"].decode("latin-1")
        wanted = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        if wanted == "/" or not safe_next(wanted):
            return RedirectResponse("/signin", status_code=303)
        return RedirectResponse(f"/signin?next={quote(wanted, safe='')}", status_code=303)

    def _with_headers(self, send: Send, path: str) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if not path.startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        return send_with_headers


def safe_next(path: str) -> bool:
    """Whether ``path`` stays on this console: one leading slash, nothing a browser would bend."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and all(" " < character < "\x7f" or character > "\xa0" for character in path)
        and len(path) <= _LONGEST_NEXT
        and urlsplit(path).path not in _NO_DESTINATION
    )


def security_headers(script_hashes: Iterable[str], *, https: bool) -> dict[str, str]:
    """The headers of every answer; scripts run from this origin alone, or by their exact hash."""
    scripts = " ".join(["'self'", *script_hashes])
    policy = {
        "default-src": "'self'",
        "script-src": scripts,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
    }
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    }
    if https:
        headers["strict-transport-security"] = "max-age=31536000"
    return headers


def _host_name(headers: Headers) -> str | None:
    try:
        parts = urlsplit(f"//{headers.get('host', '')}")
        _ = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return (parts.hostname or "").rstrip(".")
