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
    r"(^|_)(url|pdf|secret|token|password|api_key|account_number)$|^client_secret", re.IGNORECASE
)
_API_PATH = re.compile(r"/v[12]/[\w/]*(\?[\w=&%\[\].-]*)?\Z")
_BEARER_VALUE = re.compile(
    r"https?://(billing|checkout|invoice|pay|hooks|files|payments|buy|dashboard|connect)"
    r"\.stripe\.com/|(?<![A-Za-z0-9])((sk|rk|ek)_(live|test)|whsec)_[A-Za-z0-9]{10,}",
    re.IGNORECASE,
)
# The searches below run on every event, so they are mostly plain substrings. Most events have none
# of these, and then their bytes are kept as they came.
_SUSPICIOUS_WORDS = (
    b"stripe.com",
    b"secret",
    b"password",
    b"api_key",
    b"account_number",
    b'token"',
    b'pdf"',
)
_URL = re.compile(rb'url"\s*:\s*"(?!/v1/)')
_KEY = re.compile(rb"(?:sk|rk|whsec|ek)_[a-z0-9_]{10}")


def redact(body: bytes, event: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The bytes to keep of a verified event.

    ``event`` is ``body`` parsed; it is changed in place where something had to be taken out.
    """
    if not _is_suspicious(body.lower()):
        return body
    return orjson.dumps(event) if _scrub(event) else body


def _is_suspicious(body: bytes) -> bool:
    return (
        any(word in body for word in _SUSPICIOUS_WORDS)
        or _URL.search(body) is not None
        or (b"\\" in body and b"\\u00" in body)
        or ((b"k_" in body or b"whsec_" in body) and _KEY.search(body) is not None)
    )


def _scrub(node: Any) -> bool:  # noqa: ANN401 - any JSON value
    changed = False
    stack = [node]
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
