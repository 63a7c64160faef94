"""One visit to a public page: from which address, in which language, called by whom."""

from urllib.parse import urlsplit

from starlette.requests import Request

from billing_core.config import BillingConfig
from webhook_listener.links.languages import negotiate
from webhook_listener.links.words import Words


def address_of(request: Request) -> str:
    """The visitor's address, as the server knows it."""
    return request.client.host if request.client is not None else "unknown"


def words_for(request: Request, config: BillingConfig) -> Words:
    """The visitor's language."""
    return Words(negotiate(request.headers.get("accept-language", "")), config)


def from_our_page(request: Request, public_url: str) -> bool:
    """Whether a form was sent from our own page, as far as the browser tells.

    Our pages send no referrer, so their ``Origin`` is ``null``; old browsers and the ones inside
    mail programs send neither header. What says that it comes from elsewhere is refused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None or origin == "null":
        return True
    return urlsplit(origin)[:2] == urlsplit(public_url)[:2] or (
        urlsplit(origin).netloc == request.headers.get("host")
    )
