"""Every place that an organization's customer can be sent to now, and why not to the others."""

from collections.abc import Collection, Sequence
from datetime import datetime

from billing_core.dates import long_date
from billing_core.destinations import (
    BILLING_HOME,
    CHECKOUT,
    NAMES,
    ON_A_SUBSCRIPTION,
    Destination,
    Flow,
    chosen_subscription,
)
from billing_core.entitlement import winding_down_until
from billing_core.obstacles import Day, obstacle, obstacle_of_choice
from billing_core.rows import OrganizationView, PriceChoice, SubscriptionView

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
            found = obstacle_of_choice(chosen, prices)
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
