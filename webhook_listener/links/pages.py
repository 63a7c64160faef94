"""Public pages as responses: rendered, never cached, never framed, nothing from elsewhere."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from billing_core.config import BillingConfig
from webhook_listener.links.languages import translations
from webhook_listener.links.words import Words

_HERE = Path(__file__).parent
_A_YEAR = "public, max-age=31536000, immutable"


def private_headers(*, sandbox: bool) -> dict[str, str]:
    """What every answer about a link carries.

    A form's redirect counts as its action, and Stripe's pages may stand on a domain of the
    company's own, so any https address is let through there; the sandbox has plain http.
    """
    targets = "'self' https: http:" if sandbox else "'self' https:"
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
            f" img-src data:; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }


class Pages:
    """Renders the templates in each language with the company's name and colour."""

    def __init__(self, config: BillingConfig, *, sandbox: bool) -> None:
        self._config = config
        self.headers = private_headers(sandbox=sandbox)
        colour = config.company.colour
        theme = f":root{{--company:{colour};--on-company:{readable_on(colour)}}}\n"
        self._style = theme.encode() + (_HERE / "static" / "links.css").read_bytes()
        self._script = (_HERE / "static" / "links.js").read_bytes()
        self._version = hashlib.sha256(self._style + self._script).hexdigest()[:12]

    def render(
        self,
        template: str,
        words: Words,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> Response:
        """A page in the language of ``words``."""
        html = (
            _environment(words.locale)
            .get_template(template)
            .render(words=words, company=self._config.company, version=self._version, **values)
        )
        language = {"Content-Language": words.locale}
        return HTMLResponse(
            html, status_code=status, headers={**self.headers, **language, **(headers or {})}
        )

    def style(self) -> Response:
        """The one stylesheet, in the company's colour."""
        return _asset(self._style, "text/css; charset=utf-8")

    def script(self) -> Response:
        """The one script."""
        return _asset(self._script, "text/javascript; charset=utf-8")


def readable_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour`` (``#RRGGBB``): at least 4.5 to 1.

    https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    """
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    white, black = 1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05
    return "#ffffff" if white >= black else "#000000"


def _asset(content: bytes, media_type: str) -> Response:
    headers = {"Cache-Control": _A_YEAR, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@lru_cache(maxsize=8)
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined]
    return environment
