"""Bearer URLs and secrets taken out of a payload before anything keeps it.

``billing_portal.session.created`` carries a live portal URL, invoices and Checkout sessions carry
hosted pages: whoever holds one of these is the customer. Every event is redacted, whatever its
type, so that a type that Stripe adds tomorrow leaks nothing either.
"""

import re
from functools import lru_cache
from typing import Any

import orjson

REDACTED = "[redacted]"
_SECRET_KEYS = re.compile(
    r"(^|_)(url|pdf|secret|token|password|api_key|account_number)\Z|^client_secret",
    re.ASCII | re.IGNORECASE,
)
_API_PATH = re.compile(r"/v[12]/[\w/]*(\?[\w=&%\[\].-]*)?\Z", re.ASCII)
_BEARER_VALUE = re.compile(
    r"https?://(billing|checkout|invoice|pay|hooks|files|payments|buy|dashboard|connect)"
    r"\.stripe\.com/|(?<![A-Za-z0-9])((sk|rk|ek)_(live|test)|whsec)_[A-Za-z0-9]{10,}",
    re.ASCII | re.IGNORECASE,
)
# The searches below run on every event, so they are mostly plain substrings. Most events have none
# of these once their links are blank, and then their bytes are kept as they are.
_SUSPICIOUS_WORDS = (
    b"stripe.com",
    b"secret",
    b"password",
    b"api_key",
    b"account_number",
    b'token"',
    b"k_live_",
    b"k_test_",
    b"whsec_",
)
_LINK_ENDS = (b'url"', b'pdf"')
_LINK_KEYS = (b'_url"', b'_pdf"')
_LINK = re.compile(rb'\s*:\s*"([^"\\\x00-\x1f\x80-\xff]+)"')
_OTHER_LINK = re.compile(rb'\s*:\s*"(?!(?:\[redacted\]|/v[12]/[\w/]*(?:\?[\w=&%\[\].-]*)?)?")')


def blank_links(body: bytes) -> bytes:
    """``body`` without the values of keys that end in ``_url`` or ``_pdf``; the rest as it came.

    These two are in most invoices, and taking them out of the bytes costs a tenth of walking the
    tree and writing it anew. It takes out nothing that ``redact`` would leave, and what is no JSON
    does not become any; what it does not see is still there for ``redact``.
    """
    if b"stripe.com" in body:
        for key in _LINK_KEYS:
            body = _blank(body, key)
    return body


def _blank(body: bytes, key_end: bytes) -> bytes:
    kept: list[bytes] = []
    start = 0
    at = body.find(key_end)
    while at >= 0:
        at += len(key_end)
        # The quote follows a letter, so it closes a string; a colon behind it makes that a key.
        link = _LINK.match(body, at)
        if link is not None and not _API_PATH.match(link[1].decode("ascii")):
            kept += (body[start : link.start(1)], REDACTED.encode())
            start = link.end(1)
        at = body.find(key_end, at)
    return b"".join((*kept, body[start:])) if kept else body


def redact(body: bytes, event: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The bytes to keep of a verified event.

    ``event`` is ``body`` parsed; it is changed in place where something had to be taken out.
    """
    if not _is_suspicious(body.lower()):
        return body
    return orjson.dumps(event) if scrub(event) else body


def _is_suspicious(body: bytes) -> bool:
    return (
        any(word in body for word in _SUSPICIOUS_WORDS)
        or any(_has_other_link(body, end) for end in _LINK_ENDS)
        or (b"\\" in body and b"\\u00" in body)
    )


def _has_other_link(body: bytes, end: bytes) -> bool:
    """Whether a key that ends so has another value than an address of the API."""
    at = body.find(end)
    while at >= 0:
        at += len(end)
        if _OTHER_LINK.match(body, at):
            return True
        at = body.find(end, at)
    return False


def scrub(event: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Take out of a parsed event, in place, what nothing may keep; whether there was any."""
    changed = False
    stack = [event]
    while stack:
        current = stack.pop()
        pairs = current.items() if isinstance(current, dict) else enumerate(current)
        for key, value in list(pairs):
            if isinstance(value, str):
                if _must_go(key, value):
                    current[key] = REDACTED
                    changed = True
            elif isinstance(value, dict | list):
                stack.append(value)
    return changed


def _must_go(key: object, value: str) -> bool:
    if isinstance(key, str) and _names_a_secret(key) and not _API_PATH.match(value):
        return bool(value)
    folded = value.lower()
    if "stripe.com/" in folded or "k_" in folded or "whsec_" in folded:
        return _BEARER_VALUE.search(value) is not None
    return False


@lru_cache(maxsize=2_048)
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEYS.search(key) is not None
