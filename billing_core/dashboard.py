"""Where Stripe's own dashboard shows an object."""

from urllib.parse import quote

from billing_core.settings import Settings

_DASHBOARD = "https://dashboard.stripe.com"


def dashboard_url(settings: Settings, kind: str, object_id: str) -> str | None:
    """The page of a ``customers`` or ``subscriptions`` object in the account's own mode.

    None on the sandbox, whose objects no dashboard knows.
    """
    if settings.stripe_api_base is not None:
        return None
    account = f"/{quote(settings.stripe_account, safe='')}" if settings.stripe_account else ""
    mode = "" if settings.expected_livemode else "/test"
    return f"{_DASHBOARD}{account}{mode}/{kind}/{quote(object_id, safe='')}"
