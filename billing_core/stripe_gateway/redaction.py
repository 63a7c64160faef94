"""Bearer URLs and secrets taken out of a payload before anything keeps it.

``billing_portal.session.created`` carries a live portal URL, invoices and Checkout sessions carry
hosted pages: whoever holds one of these is the customer. Every event is redacted, whatever its
type, so that a type that Stripe adds tomorrow leaks nothing either.
"""

import re
from typing import Any

import orjson

REDACTED = "[redacted]"
_SECRET_KEYS = re.compile(
    r"(^|_)(url|pdf|secret|token|password|api_key|account_number)$|^client_secret", re.IGNORECASE
)
_API_PATH = re.compile(r"/v[12]/[\w/]*(\?[\w=&%\[\].-]*)?\Z")
_BEARER_VALUE = re.compile(
    r"https?://(billing|checkout|invoice|pay|hooks|files|payments|buy|dashboard|connect)"
    r"\.stripe\.com/|(sk|rk|whsec|ek)_(live|test)?_?[A-Za-z0-9]{10,}",
    re.IGNORECASE,
)
# Almost every event has none of these, and then the bytes are kept as they came.
_SUSPICIOUS = re.compile(
    rb'(?i)(?:url|pdf|secret|token|password|api_key|account_number)"\s*:\s*"(?!/v1/)'
    rb"|client_secret|stripe\.com|(?:sk|rk|whsec|ek)_[a-z0-9_]{10}|\\u00"
)


def redact(body: bytes, event: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The bytes to keep of a verified event.

    ``event`` is ``body`` parsed; it is changed in place where something had to be taken out.
    """
    if _SUSPICIOUS.search(body) is None:
        return body
    return orjson.dumps(event) if _scrub(event) else body


def _scrub(node: Any) -> bool:  # noqa: ANN401 - any JSON value
    changed = False
    stack = [node]
    while stack:
        current = stack.pop()
        pairs = current.items() if isinstance(current, dict) else enumerate(current)
        for key, value in list(pairs):
            if isinstance(value, dict | list):
                stack.append(value)
            elif isinstance(value, str) and _must_go(key, value):
                current[key] = REDACTED
                changed = True
    return changed


def _must_go(key: object, value: str) -> bool:
    if isinstance(key, str) and _SECRET_KEYS.search(key) and not _API_PATH.match(value):
        return bool(value)
    return _BEARER_VALUE.search(value) is not None
