"""Where a customer can be sent, and why not where they cannot.

The names are the ones that stand on every button, message, page and audit entry: a link that opens
the cancel screen says "Cancel subscription".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing_core.dates import long_date
from billing_core.entitlement import winding_down_until
from billing_core.errors import BillingErrorCode
from billing_core.rows import OrganizationView, SubscriptionView

Day = Callable[[datetime], str]


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
    """A place to send a customer to.

    ``flow`` is None for Billing home and Checkout. ``explanation`` says what the customer finds
    there, or, where it is not enabled, why not and what to do instead. ``subscription_id`` is the
    one that the flow would be about.
    """

    name: str
    flow: Flow | None
    enabled: bool
    explanation: str
    subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something cannot be done, as far as our rows can tell."""

    code: BillingErrorCode
    sentence: str


def destinations_for(
    view: OrganizationView, *, subscription_id: str | None = None, day: Day = long_date
) -> tuple[Destination, ...]:
    """Every place that this organization's customer can be sent to, each enabled or explained.

    ``subscription_id`` chooses among several subscriptions; by default the one that decides, if it
    is live. Without a Stripe customer there is only Checkout.
    """
    if view.organization.customer_id is None:
        return (_checkout(view),)
    chosen = chosen_subscription(view, subscription_id)
    return (
        _on_subscription(
            Flow.SUBSCRIPTION_CANCEL,
            chosen,
            "The customer cancels for the end of the period and is asked why.",
            day,
        ),
        _on_subscription(
            Flow.SUBSCRIPTION_UPDATE,
            chosen,
            "The customer chooses another plan; Stripe works out what it costs.",
            day,
        ),
        Destination(
            UPDATE_PAYMENT_METHOD,
            Flow.PAYMENT_METHOD_UPDATE,
            enabled=True,
            explanation="The customer stores another card or way to pay.",
        ),
        Destination(BILLING_HOME, None, enabled=True, explanation=_home(chosen, day)),
        _checkout(view),
    )


def chosen_subscription(
    view: OrganizationView, subscription_id: str | None = None
) -> SubscriptionView | None:
    """The live subscription that a flow is about: the named one, else the one that decides."""
    if subscription_id is not None:
        named = view.subscription(subscription_id)
        return named if named is not None and not named.facts.final else None
    live = view.live_subscriptions
    return next((each for each in live if each.decides), live[0] if live else None)


def obstacle(
    flow: Flow, subscription: SubscriptionView | None, *, day: Day = long_date
) -> Obstacle | None:
    """Why Stripe's portal would refuse this flow, or None where nothing speaks against it.

    The limits are Stripe's: https://docs.stripe.com/customer-management#limitations.
    """
    if flow not in ON_A_SUBSCRIPTION:
        return None
    if subscription is None:
        return Obstacle(
            BillingErrorCode.NO_SUBSCRIPTION,
            "There is no subscription to act on: invoices are at Billing home, and Checkout starts"
            " a new one.",
        )
    found = _obstacle_of_any(flow, subscription, day)
    if found is None and flow is Flow.SUBSCRIPTION_PAUSE:
        found = _obstacle_of_pause(subscription)
    elif found is None and flow is not Flow.SUBSCRIPTION_CANCEL:
        found = _obstacle_of_change(subscription)
    return found


def _obstacle_of_any(flow: Flow, subscription: SubscriptionView, day: Day) -> Obstacle | None:
    facts = subscription.facts
    ends_at = winding_down_until(facts)
    if ends_at is not None:
        sentence = f"Already set to end on {day(ends_at)}: send them to Billing home to undo it."
        if flow is not Flow.SUBSCRIPTION_CANCEL:
            sentence = (
                f"Set to end on {day(ends_at)}: they can change it after undoing that at Billing"
                " home."
            )
        return Obstacle(BillingErrorCode.ALREADY_CANCELING, sentence)
    if facts.schedule_id is not None:
        return Obstacle(
            BillingErrorCode.SCHEDULED_UPDATE,
            "A change is already scheduled for this subscription, so Stripe's portal can neither"
            " change nor cancel it. Release the schedule in Stripe first.",
        )
    return None


def _obstacle_of_change(subscription: SubscriptionView) -> Obstacle | None:
    facts = subscription.facts
    if len(facts.items) != 1:
        return Obstacle(
            BillingErrorCode.SEVERAL_ITEMS,
            "The subscription has several items, and Stripe's portal can only cancel such a one."
            " Change it in Stripe's dashboard.",
        )
    if facts.items[0].usage_type == "metered":
        return Obstacle(
            BillingErrorCode.FLOW_DISABLED,
            "The subscription is billed by usage, and Stripe's portal can only cancel such a one."
            " Change it in Stripe's dashboard.",
        )
    if facts.collection_method == "send_invoice":
        return Obstacle(
            BillingErrorCode.FLOW_DISABLED,
            "The subscription is paid by invoice, and Stripe's portal can only cancel such a one."
            " Change it in Stripe's dashboard.",
        )
    if facts.status == "incomplete":
        return Obstacle(
            BillingErrorCode.FLOW_DISABLED,
            "The subscription still waits for its first payment: send them to Update payment"
            " method.",
        )
    return None


def _obstacle_of_pause(subscription: SubscriptionView) -> Obstacle | None:
    if subscription.facts.status == "paused":
        return Obstacle(
            BillingErrorCode.FLOW_DISABLED,
            "The subscription is paused already: send them to Billing home to resume it.",
        )
    if subscription.facts.billing_mode != "flexible":
        return Obstacle(
            BillingErrorCode.FLOW_DISABLED,
            "Stripe pauses subscriptions in flexible billing mode only, and this one is in classic"
            " mode.",
        )
    return None


def _on_subscription(
    flow: Flow, chosen: SubscriptionView | None, explanation: str, day: Day
) -> Destination:
    found = obstacle(flow, chosen, day=day)
    return Destination(
        NAMES[flow],
        flow,
        enabled=found is None,
        explanation=found.sentence if found is not None else explanation,
        subscription_id=chosen.facts.subscription_id if chosen is not None else None,
    )


def _home(chosen: SubscriptionView | None, day: Day) -> str:
    if chosen is None:
        return "The customer sees their invoices; there is no subscription to manage."
    ends_at = winding_down_until(chosen.facts)
    if ends_at is not None:
        return f"The customer can undo the end on {day(ends_at)}, pay and see invoices."
    return "The customer sees plan, payment method and invoices, and can change them."


def _checkout(view: OrganizationView) -> Destination:
    live = view.live_subscriptions
    if live:
        return Destination(
            CHECKOUT,
            None,
            enabled=False,
            explanation="There is a subscription already: use Switch plan to change it.",
        )
    again = "again " if view.subscriptions else ""
    return Destination(
        CHECKOUT,
        None,
        enabled=True,
        explanation=f"The customer subscribes {again}to the plan that you choose.",
    )
