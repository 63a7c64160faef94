"""One call to Stripe, and nothing of Stripe's own words beyond it.

Whatever Stripe refuses becomes a BillingError with a sentence of our own: its text, which may hold
the end of a key, goes no further, and neither does a session's URL.
"""

import logging
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stripe
import structlog
from stripe import _util as stripe_util

from billing_core.errors import BillingError, BillingErrorCode
from billing_core.stripe_gateway.refusals import Fault, refusal_for

T = TypeVar("T")

stripe.enable_telemetry = False
# At its lower levels the client logs answers whole, portal URLs included.
stripe.log = None
stripe_util.STRIPE_LOG = None
logging.getLogger("stripe").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", module=r"stripe\._api_requestor")

_log = structlog.get_logger("billing_core.stripe_gateway")


def asked(call: Callable[[], T]) -> T:
    """Make a call to Stripe. Raises BillingError, without Stripe's own error behind it."""
    try:
        return call()
    except stripe.StripeError as error:
        fault = _fault(error)
    _log.warning(
        "stripe.refused", status=fault.status, code=fault.code, request_id=fault.request_id
    )
    raise refusal_for(fault)


def _fault(error: stripe.StripeError) -> Fault:
    status = None if isinstance(error, stripe.APIConnectionError) else error.http_status or 500
    return Fault(
        status=status,
        message=str(error.user_message or ""),
        code=error.code,
        param=getattr(error, "param", None),
        request_id=error.request_id,
    )


def stripes_time(headers: Mapping[str, str]) -> datetime:
    """Stripe's own clock in an answer; ours is never compared with it."""
    for name, value in headers.items():
        if name.lower() == "date":
            return parsedate_to_datetime(value).astimezone(UTC)
    raise BillingError(
        BillingErrorCode.STRIPE_UNAVAILABLE,
        "Stripe's answer does not say when it was given, so it was not used.",
    )
