"""Why Stripe's portal would refuse a screen, as far as our rows can tell."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from billing_core.config import BillingConfig
from billing_core.configuration.portal import Feature
from billing_core.dates import long_date
from billing_core.destinations import ON_A_SUBSCRIPTION, Flow
from billing_core.entitlement import winding_down_until
from billing_core.errors import BillingErrorCode
from billing_core.rows import PriceChoice, SubscriptionView

Day = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why something cannot be done, as far as our rows can tell."""

    code: BillingErrorCode
    sentence: str


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


def obstacle_of_choice(
    chosen: SubscriptionView | None, prices: Sequence[PriceChoice]
) -> Obstacle | None:
    """Why no change could be offered for confirmation, or None where ``prices`` has one."""
    if confirmable(chosen, prices):
        return None
    return Obstacle(
        BillingErrorCode.UNKNOWN_PRICE,
        "billing.toml names no price in the currency that the customer pays in, so there is no"
        " change to offer.",
    )


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
