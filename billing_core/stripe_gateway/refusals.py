"""What Stripe refuses, as the product's own errors: one table, closed by default.

Stripe names no stable code for most of these, so its message is matched loosely. The message
itself goes no further: it may hold the end of a key, an account id or a URL.
"""

import re
from dataclasses import dataclass

from billing_core.errors import BillingError, BillingErrorCode


@dataclass(frozen=True, slots=True)
class Fault:
    """What Stripe answered: ``status`` is the HTTP status, None where there was no answer."""

    status: int | None
    message: str = ""
    code: str | None = None
    param: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    words: str
    code: BillingErrorCode
    sentence: str


REFUSALS: tuple[_Refusal, ...] = (
    _Refusal(
        r"no configuration provided|default configuration has not been created",
        BillingErrorCode.NO_CONFIGURATION,
        "Stripe's customer portal has not been set up for this account. Save its settings once in"
        " Stripe's dashboard (Settings, Billing, Customer portal), then try again.",
    ),
    _Refusal(
        r"already set to be cancell?ed",
        BillingErrorCode.ALREADY_CANCELING,
        "The subscription is already set to end. Send the customer to Billing home to undo it.",
    ),
    _Refusal(
        r"no changes to confirm",
        BillingErrorCode.NO_CHANGES,
        "The customer already has that plan and quantity, so there is nothing to confirm.",
    ),
    _Refusal(
        r"feature in the portal configuration is disabled|not enabled in the portal configuration",
        BillingErrorCode.FLOW_DISABLED,
        "The settings of Stripe's customer portal do not allow this. Turn the feature on in the"
        " portal's configuration, then try again.",
    ),
    _Refusal(
        r"scheduled update|subscription schedule|managed by the schedule",
        BillingErrorCode.SCHEDULED_UPDATE,
        "A change is already scheduled for this subscription, so Stripe's portal can neither change"
        " nor cancel it. Release the schedule in Stripe first.",
    ),
    _Refusal(
        r"multiple (products|items|subscription items)|single item",
        BillingErrorCode.SEVERAL_ITEMS,
        "The subscription has several items, and Stripe's portal can only cancel such a one. Change"
        " it in Stripe's dashboard.",
    ),
    _Refusal(
        r"is already cancell?ed|has been cancell?ed|a cancell?ed subscription",
        BillingErrorCode.SUBSCRIPTION_ENDED,
        "The subscription has ended. Invoices are at Billing home, and Checkout starts a new one.",
    ),
    _Refusal(
        r"no such subscription",
        BillingErrorCode.NO_SUBSCRIPTION,
        "Stripe does not know that subscription. Look whether the API key is of the right account"
        " and mode.",
    ),
    _Refusal(
        r"no such customer|customer .* (was|has been) deleted",
        BillingErrorCode.NO_CUSTOMER,
        "Stripe does not know that customer any more. Look whether the API key is of the right"
        " account and mode; Checkout makes a new customer.",
    ),
    _Refusal(
        r"not one of the prices in the portal|price .*portal configuration|no such price",
        BillingErrorCode.UNKNOWN_PRICE,
        "Stripe's customer portal does not offer that price. Add it to the portal's configuration,"
        " or choose another.",
    ),
    _Refusal(
        r"price.{0,40}(is |in)active|only supports active prices",
        BillingErrorCode.UNKNOWN_PRICE,
        "That price is not active in Stripe any more. Choose another.",
    ),
    _Refusal(
        r"among the allowed updates",
        BillingErrorCode.FLOW_DISABLED,
        "The settings of Stripe's customer portal do not allow changing that. Allow it in the"
        " portal's configuration, then try again.",
    ),
    _Refusal(
        r"billing mode is classic|already paused|cannot be paused",
        BillingErrorCode.FLOW_DISABLED,
        "Stripe cannot pause this subscription: it is paused already, or in classic billing mode.",
    ),
    _Refusal(
        r"no such coupon|coupon .* (expired|invalid)",
        BillingErrorCode.STRIPE_REFUSED,
        "The coupon that was to be offered is not in Stripe or has expired. Make the link without"
        " it, or correct it in billing.toml.",
    ),
    _Refusal(
        r"combine currencies|currency.{0,30}(differs|must match|mismatch)|different currency",
        BillingErrorCode.UNKNOWN_PRICE,
        "That price is in another currency than the customer pays in. Choose one in theirs.",
    ),
    _Refusal(
        r"return_url|not a valid url|invalid url",
        BillingErrorCode.INVALID_RETURN_PATH,
        "Stripe does not accept the address to return to. APP_URL and PUBLIC_URL must be addresses"
        " that Stripe takes, which in live mode means https.",
    ),
)
_MATCHERS = tuple((re.compile(refusal.words, re.IGNORECASE), refusal) for refusal in REFUSALS)


def refusal_for(fault: Fault) -> BillingError:
    """The product's own error for what Stripe answered; never with Stripe's own words."""
    if fault.status is None:
        return BillingError(
            BillingErrorCode.STRIPE_UNAVAILABLE,
            "Stripe cannot be reached at the moment. Nothing was changed; try again shortly.",
        )
    if fault.status == 401:
        return BillingError(
            BillingErrorCode.PERMISSION_DENIED,
            "Stripe does not accept the API key. Check STRIPE_API_KEY: it may have been rolled.",
        )
    if fault.status == 403:
        return BillingError(
            BillingErrorCode.PERMISSION_DENIED,
            "The API key may not do that. The README lists the permissions that STRIPE_API_KEY"
            " needs; add what is missing in Stripe's dashboard.",
        )
    if fault.status == 429:
        return BillingError(
            BillingErrorCode.RATE_LIMITED,
            "Stripe asks for a pause: too many requests at once. Nothing was changed; try again in"
            " a minute.",
        )
    if fault.status >= 500 or fault.code == "lock_timeout":
        return BillingError(
            BillingErrorCode.STRIPE_UNAVAILABLE,
            "Stripe has trouble at the moment. Try again shortly; what was asked for is not done"
            " twice.",
        )
    for matcher, refusal in _MATCHERS:
        if matcher.search(fault.message):
            return BillingError(refusal.code, refusal.sentence)
    where = f" The request {fault.request_id} is in its log." if fault.request_id else ""
    return BillingError(
        BillingErrorCode.STRIPE_REFUSED,
        "Stripe refused this for a reason that is not known here. Nothing was changed. Look at"
        f" Stripe's dashboard, Developers, Logs.{where}",
    )
