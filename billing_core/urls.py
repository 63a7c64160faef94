"""Paths made absolute, and nothing that could lead elsewhere."""

import re
from urllib.parse import urljoin, urlsplit

from billing_core.errors import BillingError, BillingErrorCode
from billing_core.settings import settings

_SAFE_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*\Z")


def absolute_url(path: str, *, base: str | None = None) -> str:
    """``path`` on the customer-facing product, as an absolute URL.

    ``path`` starts with one slash and stays on the origin of ``APP_URL`` (or ``base``). Raises
    BillingError ``invalid_return_path`` for anything that a browser could take elsewhere: a
    scheme, ``//``, a backslash, white space, control or non-ASCII characters.
    """
    origin = base if base is not None else settings().app_url
    if _SAFE_PATH.match(path):
        url = urljoin(origin + "/", path)
        if urlsplit(url)[:2] == urlsplit(origin)[:2]:
            return url
    raise BillingError(
        BillingErrorCode.INVALID_RETURN_PATH,
        "That return path would leave the product, so no link was made. Use a path that starts"
        " with one slash, such as /settings/billing.",
    )
