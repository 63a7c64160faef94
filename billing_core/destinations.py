"""Where a customer can be sent: Stripe's screens, and what everything calls them.

The names stand on every button, message, page and audit entry: a link that opens the cancel screen
says "Cancel subscription".
"""

from dataclasses import dataclass
from enum import StrEnum

from billing_core.rows import OrganizationView, SubscriptionView


class Flow(StrEnum):
    """Stripe's names for the screens that a portal session can open."""

    SUBSCRIPTION_CANCEL = "subscription_cancel"
    SUBSCRIPTION_UPDATE = "subscription_update"
    SUBSCRIPTION_UPDATE_CONFIRM = "subscription_update_confirm"
    SUBSCRIPTION_PAUSE = "subscription_pause"
    PAYMENT_METHOD_UPDATE = "payment_method_update"
    CUSTOMER_UPDATE = "customer_update"


CANCEL_SUBSCRIPTION = "Cancel subscription"
SWITCH_PLAN = "Switch plan"
CHANGE_TO_A_GIVEN_PLAN = "Confirm plan change"
PAUSE_SUBSCRIPTION = "Pause subscription"
UPDATE_PAYMENT_METHOD = "Update payment method"
UPDATE_DETAILS = "Update billing details"
BILLING_HOME = "Billing home"
CHECKOUT = "Checkout"

NAMES: dict[Flow, str] = {
    Flow.SUBSCRIPTION_CANCEL: CANCEL_SUBSCRIPTION,
    Flow.SUBSCRIPTION_UPDATE: SWITCH_PLAN,
    Flow.SUBSCRIPTION_UPDATE_CONFIRM: CHANGE_TO_A_GIVEN_PLAN,
    Flow.SUBSCRIPTION_PAUSE: PAUSE_SUBSCRIPTION,
    Flow.PAYMENT_METHOD_UPDATE: UPDATE_PAYMENT_METHOD,
    Flow.CUSTOMER_UPDATE: UPDATE_DETAILS,
}
ON_A_SUBSCRIPTION = frozenset(
    {
        Flow.SUBSCRIPTION_CANCEL,
        Flow.SUBSCRIPTION_UPDATE,
        Flow.SUBSCRIPTION_UPDATE_CONFIRM,
        Flow.SUBSCRIPTION_PAUSE,
    }
)


@dataclass(frozen=True, slots=True)
class Destination:
    """A place to send a customer to; ``flow`` is None for Billing home and Checkout.

    ``explanation`` says what the customer finds there, or, where it is not enabled, why not and what
    to do instead. ``subscription_id`` is the one that the flow would be about.
    """

    name: str
    flow: Flow | None
    enabled: bool
    explanation: str
    subscription_id: str | None = None


def chosen_subscription(
    view: OrganizationView, subscription_id: str | None = None
) -> SubscriptionView | None:
    """The live subscription that a flow is about: the named one, else the one that decides."""
    if subscription_id is not None:
        named = view.subscription(subscription_id)
        return named if named is not None and not named.facts.final else None
    live = view.live_subscriptions
    return next((each for each in live if each.decides), live[0] if live else None)
