"""Where a customer can be sent, and why not where they cannot.

The names stand on every button, message, page and audit entry: a link that opens the cancel screen
says "Cancel subscription".
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import get_args

from billing_core.config import BillingConfig
from billing_core.configuration.portal import Feature
from billing_core.dates import long_date
from billing_core.entitlement import winding_down_until
from billing_core.errors import BillingErrorCode
from billing_core.rows import OrganizationView, PriceChoice, SubscriptionView

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
_EXPLAINED: dict[Flow, str] = {
    Flow.SUBSCRIPTION_CANCEL: "The customer cancels for the end of the period and is asked why.",
    Flow.SUBSCRIPTION_UPDATE: "The customer chooses another plan; Stripe works out what it costs.",
    Flow.SUBSCRIPTION_UPDATE_CONFIRM: (
        "The customer looks at the one change that you choose, with what it costs, and confirms it."
    ),
    Flow.SUBSCRIPTION_PAUSE: "The customer pauses the subscription and can resume it later.",
    Flow.PAYMENT_METHOD_UPDATE: "The customer stores another card or way to pay.",
    Flow.CUSTOMER_UPDATE: "The customer corrects name, address or tax details for their invoices.",
}


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


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something cannot be done, as far as our rows can tell."""

    code: BillingErrorCode
    sentence: str


def destinations_for(
    view: OrganizationView,
    *,
    subscription_id: str | None = None,
    day: Day = long_date,
    prices: Sequence[PriceChoice] | None = None,
    features: Collection[str] | None = None,
    now: datetime | None = None,
) -> tuple[Destination, ...]:
    """Every place that this organization's customer can be sent to, each enabled or explained.

    ``subscription_id`` chooses among several subscriptions; by default the one that decides, if it
    is live. ``prices`` are those of the catalogue, ``features`` those that the portal's
    configuration has switched on; None where that is not known. By ``now`` an end may be due that
    was not reported. Without a Stripe customer there is only Checkout.
    """
    if view.organization.customer_id is None:
        return (_checkout(view),)
    chosen = chosen_subscription(view, subscription_id)

    def to(flow: Flow) -> Destination:
        # Few portals offer a pause, so it takes a configuration that says so.
        known = () if features is None and flow is Flow.SUBSCRIPTION_PAUSE else features
        found = obstacle(flow, chosen, day=day, features=known, now=now)
        if found is None and flow is Flow.SUBSCRIPTION_UPDATE_CONFIRM and prices is not None:
            found = _obstacle_of_choice(chosen, prices)
        about = chosen.facts.subscription_id if chosen and flow in ON_A_SUBSCRIPTION else None
        explanation = found.sentence if found else _EXPLAINED[flow]
        return Destination(NAMES[flow], flow, found is None, explanation, about)

    return (
        to(Flow.SUBSCRIPTION_CANCEL),
        to(Flow.SUBSCRIPTION_UPDATE),
        to(Flow.SUBSCRIPTION_UPDATE_CONFIRM),
        to(Flow.SUBSCRIPTION_PAUSE),
        to(Flow.PAYMENT_METHOD_UPDATE),
        to(Flow.CUSTOMER_UPDATE),
        Destination(BILLING_HOME, None, enabled=True, explanation=_home(chosen, day, now)),
        _checkout(view),
    )


def features_of(config: BillingConfig) -> frozenset[str] | None:
    """What customers may do in the portal as ``billing.toml`` has it; None where it says nothing."""
    known: tuple[Feature, ...] = get_args(Feature)
    allowed = frozenset(feature for feature in known if config.portal_allows(feature))
    return allowed if config.portal else None


def feature_of(flow: Flow) -> str:
    """What a portal configuration calls the feature that ``flow`` takes."""
    confirming = flow is Flow.SUBSCRIPTION_UPDATE_CONFIRM
    return Flow.SUBSCRIPTION_UPDATE.value if confirming else flow.value


def confirmable(
    subscription: SubscriptionView | None, prices: Sequence[PriceChoice]
) -> tuple[PriceChoice, ...]:
    """The catalogue's prices that a subscription can be changed to: known, in its currency.

    Its own price is among them, for another quantity.
    """
    if subscription is None or not subscription.facts.items:
        return ()
    currency = subscription.facts.items[0].currency
    return tuple(each for each in prices if each.price_id is not None and each.currency == currency)


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
    flow: Flow,
    subscription: SubscriptionView | None,
    *,
    day: Day = long_date,
    features: Collection[str] | None = None,
    now: datetime | None = None,
) -> Obstacle | None:
    """Why Stripe's portal would refuse this flow, or None where nothing speaks against it.

    The limits are Stripe's: https://docs.stripe.com/customer-management#limitations. ``features``
    are those of the portal's configuration, None where they are not known. By ``now`` an end may be
    due that was not reported.
    """
    if features is not None and feature_of(flow) not in features:
        return _disabled(
            "The portal's configuration does not offer this to customers. An administrator can turn"
            f" {feature_of(flow)} on in billing.toml and apply it."
        )
    if flow not in ON_A_SUBSCRIPTION:
        return None
    if subscription is None:
        return Obstacle(
            BillingErrorCode.NO_SUBSCRIPTION,
            "There is no subscription to act on: invoices are at Billing home, and Checkout starts"
            " a new one.",
        )
    found = _obstacle_of_any(flow, subscription, day, now)
    if found is not None or flow is Flow.SUBSCRIPTION_CANCEL:
        return found
    pausing = flow is Flow.SUBSCRIPTION_PAUSE
    return _obstacle_of_pause(subscription) if pausing else _obstacle_of_change(subscription)


def _obstacle_of_any(
    flow: Flow, subscription: SubscriptionView, day: Day, now: datetime | None
) -> Obstacle | None:
    facts = subscription.facts
    ends_at = winding_down_until(facts)
    if ends_at is not None:
        if now is not None and ends_at < now:
            sentence = (
                f"Was to end on {day(ends_at)}, and Stripe has reported no end: ask operations to"
                " reconcile. What has ended can be neither undone nor changed."
            )
        elif flow is Flow.SUBSCRIPTION_CANCEL:
            sentence = (
                f"Already set to end on {day(ends_at)}: send them to Billing home to undo it."
            )
        else:
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
        return _disabled(
            "The subscription is billed by usage, and Stripe's portal can only cancel such a one."
            " Change it in Stripe's dashboard."
        )
    if facts.collection_method == "send_invoice":
        return _disabled(
            "The subscription is paid by invoice, and Stripe's portal can only cancel such a one."
            " Change it in Stripe's dashboard."
        )
    if facts.status == "incomplete":
        return _disabled(
            "The subscription waits for its first payment: send them to Update payment method."
        )
    return None


def _obstacle_of_pause(subscription: SubscriptionView) -> Obstacle | None:
    if subscription.facts.status == "paused":
        return _disabled(
            "The subscription is paused already: send them to Billing home to resume it."
        )
    if subscription.facts.billing_mode != "flexible":
        return _disabled(
            "Stripe pauses subscriptions in flexible billing mode only, and this one is in classic"
            " mode."
        )
    return None


def _disabled(sentence: str) -> Obstacle:
    return Obstacle(BillingErrorCode.FLOW_DISABLED, sentence)


def _obstacle_of_choice(
    chosen: SubscriptionView | None, prices: Sequence[PriceChoice]
) -> Obstacle | None:
    if confirmable(chosen, prices):
        return None
    return Obstacle(
        BillingErrorCode.UNKNOWN_PRICE,
        "billing.toml names no price in the currency that the customer pays in, so there is no"
        " change to offer.",
    )


def _home(chosen: SubscriptionView | None, day: Day, now: datetime | None) -> str:
    if chosen is None:
        return "The customer sees their invoices; there is no subscription to manage."
    ends_at = winding_down_until(chosen.facts)
    if ends_at is None:
        return "The customer sees plan, payment method and invoices, and can change them."
    if now is not None and ends_at < now:
        return (
            f"The customer sees invoices. The end on {day(ends_at)} can be undone only if Stripe has"
            " not ended the subscription yet."
        )
    return f"The customer can undo the end on {day(ends_at)}, pay and see invoices."


def _checkout(view: OrganizationView) -> Destination:
    if view.live_subscriptions:
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
