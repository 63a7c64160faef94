"""The console as one ASGI application, and the process that serves it."""

import base64
import gc
import hashlib
import importlib
import re
import socket
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from streamlit import config as streamlit_config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap

from billing_core.config import load_config
from billing_core.database import reader
from billing_core.errors import DatabaseUnavailableError, SettingsError
from billing_core.settings import ROOT, settings
from console import data, elements
from console.gate import OPEN_PATHS, PROVIDER_PATHS, Gate
from console.identity import cookie_name, principal_of
from console.password_checks import PasswordChecks
from console.quiet import quietly
from console.sessions import session_store
from console.settings import console_settings
from console.signin import SignIn
from console.viewer import exact_utc

_CONFIG = ROOT / ".streamlit" / "config.toml"
_WARMED = (
    "console.navigation",
    "altair",
    "pandas",
    "pyarrow",
    "sqlmodel",
    "stripe",
    "streamlit_authenticator",
    "babel",
)
# Whoever has waited for a row of the database waits no longer than this for another's page that is
# being drawn; by default it is five times as long, for each of a page's thirty statements.
_SWITCH_SECONDS = 0.001
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def create_app(host: str) -> streamlit.App:
    """The console behind its gate. Raises SettingsError with a sentence."""
    session_store()
    _refuse_unsafe_settings()
    by_provider = console_settings().oidc() is not None
    return streamlit.App(
        Path(__file__).with_name("app.py"),
        routes=[*_routes_before_the_console(), Route("/console.js", _script, methods=["GET"])],
        on_script_error=_unforeseen,
        middleware=[
            Middleware(
                Gate,
                signed_in=_signed_in,
                cookie=cookie_name(),
                allowed_hosts=console_settings().allowed_hosts(host),
                script_hashes=inline_script_hashes(),
                https=console_settings().serves_https,
                open_paths=OPEN_PATHS | (PROVIDER_PATHS if by_provider else frozenset()),
            )
        ],
    )


def _routes_before_the_console() -> list[BaseRoute]:
    with quietly():  # a cached function among what it imports would speak of a missing runtime
        from console.password_page import PasswordPage
    company = load_config(settings().billing_config).company.name
    checks = PasswordChecks()
    sign_in = SignIn(company, checks)
    routes = [*sign_in.routes(), *PasswordPage(company, checks).routes()]
    oidc = console_settings().oidc()
    if oidc is not None:
        with quietly():
            from console.single_sign_on import SingleSignOn
        routes += SingleSignOn(oidc, sign_in).routes()
    return routes


def serve(host: str, port: int) -> None:
    """Serve until stopped. Raises OSError when the port is taken, SettingsError otherwise."""
    with bound_socket(host, port) as listening:
        address = listening.getsockname()
        _configure_streamlit(host, address[1])
        app = create_app(host)
        _warm()
        proxies = console_settings().console_trusted_proxies
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies or None,
                ws="websockets-sansio",
                timeout_graceful_shutdown=2,
            )
        )
        shown = f"[{host}]" if ":" in host else host
        print(f"The console answers on http://{shown}:{address[1]}", flush=True)  # noqa: T201
        server.run(sockets=[listening])


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket on the address. Raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
    except BaseException:
        listening.close()
        raise
    return listening


def inline_script_hashes() -> tuple[str, ...]:
    """The CSP sources of the scripts inside Streamlit's own page; no other inline script runs."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_bytes()
    return tuple(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
    )


def _refuse_unsafe_settings() -> None:
    """Stop the start over a secret that is missing or a database that could be written."""
    settings().command_key()
    settings().stripe_key()
    try:
        reader().check()
    except DatabaseUnavailableError:
        return  # every page says so, and recovers by itself


def _unforeseen(_error: Exception) -> bool:
    """A fault of ours is a sentence on the page; Streamlit has put the whole of it into the log."""
    elements.notice(
        "Something went wrong that nobody foresaw. What is stored is safe. Try"
        f" again; if it stays, tell an operator that it was {exact_utc(data.now())}: the console's"
        " log says what it was.",
        "bad",
    )
    return True


async def _script(_request: Request) -> Response:
    return FileResponse(elements.ASSETS / "console.js", media_type="text/javascript")


def _signed_in(session_id: str | None) -> bool:
    try:
        return principal_of(session_id) is not None
    except SettingsError:
        return False


def _configure_streamlit(host: str, port: int) -> None:
    """Streamlit looks for its file beside the working directory; ours lies at the root."""
    try:
        file = tomllib.loads(_CONFIG.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"The console's look and server settings cannot be read: {_CONFIG}: {error}"
        ) from None
    options = _dotted(file)
    options["server.address"] = host
    options["server.port"] = port
    options["server.allowedHosts"] = sorted(console_settings().allowed_hosts(host))
    # Until some session has called st.navigation, Streamlit would take console/pages for pages of
    # its own and open them past app.py.
    PagesManager.uses_pages_directory = False
    streamlit_config._main_script_path = str(ROOT / "app.py")  # noqa: SLF001 - see docstring
    with quietly():
        bootstrap.load_config_options(options)


def _dotted(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in section.items():
        if isinstance(value, Mapping):
            flat |= _dotted(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _warm() -> None:
    """Import what pages need, then keep the collector away from it: see ``runner.postScriptGC``."""
    with quietly():
        for name in _WARMED:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)
