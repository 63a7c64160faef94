"""The errors that cross the product's boundaries: a code for programs, a sentence for people."""

from enum import StrEnum


class BillingErrorCode(StrEnum):
    """Why something that a person asked for could not be done."""

    NO_CUSTOMER = "no_customer"
    NO_SUBSCRIPTION = "no_subscription"
    ALREADY_CANCELING = "already_canceling"
    ALREADY_SUBSCRIBED = "already_subscribed"
    SUBSCRIPTION_ENDED = "subscription_ended"
    SCHEDULED_UPDATE = "scheduled_update"
    SEVERAL_ITEMS = "several_items"
    NO_CHANGES = "no_changes"
    UNKNOWN_PRICE = "unknown_price"
    FLOW_DISABLED = "flow_disabled"
    NO_CONFIGURATION = "no_configuration"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMITED = "rate_limited"
    STRIPE_REFUSED = "stripe_refused"
    STRIPE_UNAVAILABLE = "stripe_unavailable"
    INVALID_RETURN_PATH = "invalid_return_path"
    NOT_RECORDED = "not_recorded"


class BillingError(Exception):
    """A refusal with a stable ``code`` and a sentence that may be shown to a person.

    Neither ever holds a key, a bearer URL or Stripe's raw error text.
    """

    def __init__(self, code: BillingErrorCode | str, message: str) -> None:
        super().__init__(message)
        self.code = BillingErrorCode(code)
        self.message = message

    def __repr__(self) -> str:
        return f"BillingError({self.code.value!r}, {self.message!r})"


class SettingsError(Exception):
    """The settings cannot be used; the message names the variable and what to do."""


class DatabaseUnavailableError(Exception):
    """The database cannot be read just now; the message says what to do."""


class UnreadableShapeError(ValueError):
    """A Stripe payload has a shape that cannot be understood; the message says which part."""


class SignatureError(ValueError):
    """A webhook's signature does not hold; the message may be sent back to the caller."""


class CommandTokenError(ValueError):
    """A command's token is missing, forged, expired or for another command."""
