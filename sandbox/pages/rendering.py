"""Templates and the small words in them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox import money
from sandbox.shapes import Json

FEEDBACK_WORDS = {
    "too_expensive": "It's too expensive",
    "missing_features": "I need more features",
    "switched_service": "I found an alternative",
    "unused": "I no longer need it",
    "customer_service": "Customer service was less than expected",
    "too_complex": "Ease of use was less than expected",
    "low_quality": "Quality was less than expected",
    "other": "Other reason",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def day(moment: int) -> str:
    """A moment (unix seconds, UTC) as `14 August 2026`."""
    then = datetime.fromtimestamp(moment, UTC)
    return f"{then.day} {then:%B %Y}"


def card_words(card: Json | None) -> str:
    """A card as `Visa •••• 4242`."""
    if card is None:
        return "None"
    return f"{card['card']['brand'].title()} •••• {card['card']['last4']}"


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(day=day, card=card_words)
_environment.globals.update(amount=money.amount, recurring=money.recurring, reasons=FEEDBACK_WORDS)


def page(template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - template values
    """A page that is never cached and whose address no other site learns."""
    html = _environment.get_template(template).render(**values)
    return HTMLResponse(html, status, _HEADERS)


def go_to(url: str) -> Response:
    """On to another page, after a form or a start."""
    return RedirectResponse(url, 303, {**_HEADERS})


def dead_end(business: str, title: str, text: str, status: int) -> Response:
    """A page that says what is wrong and leads nowhere."""
    return page("message.html", status, business=business, title=title, text=text)
