"""What came of a redeemed link, read off what Stripe's events changed since then.

The one rule: the listener keeps what it says with the link, and every page reads that. Coming back
proves nothing and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from billing_core.destinations import CHECKOUT, UPDATE_DETAILS, UPDATE_PAYMENT_METHOD
from billing_core.entitlement import winding_down_until
from billing_core.facts import SubscriptionFacts
from billing_core.links import Link

# A change that Stripe reports within this long after a redemption counts as what came of it.
WINDOW = timedelta(hours=24)
# Stripe's clock and ours may differ by a little, and Stripe's times are whole seconds.
CLOCK_SKEW = timedelta(seconds=60)

_PAYMENT_METHOD_EVENTS = (
    "payment_method.attached",
    "payment_method.updated",
    "payment_method.detached",
    "customer.source.created",
    "customer.source.updated",
    "customer.card.created",
    "customer.card.updated",
)
_CHECKOUT_EVENTS = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
_SUBSCRIPTION_EVENTS = (
    "customer.subscription.updated",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.deleted",
)
TELLING_EVENTS: tuple[str, ...] = (
    *_PAYMENT_METHOD_EVENTS,
    *_CHECKOUT_EVENTS,
    *_SUBSCRIPTION_EVENTS,
    "customer.updated",
)


class Result(StrEnum):
    """What a customer did after redeeming a link."""

    ENDING = "ending"
    CONTINUES = "continues"
    ENDED = "ended"
    PAUSED = "paused"
    STARTED = "started"
    PLAN_CHANGED = "plan_changed"
    QUANTITY_CHANGED = "quantity_changed"
    PAYMENT_METHOD = "payment_method"
    DETAILS = "details"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an organization was entitled to at one moment, as far as a customer can change it."""

    status: str
    has_access: bool
    plan: str | None
    price_id: str | None
    quantity: int | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """An entitlement before and after an event.

    ``at`` is when it reached us, ``created`` Stripe's own time of it, None without an event.
    """

    at: datetime
    created: datetime | None
    before: Snapshot | None
    after: Snapshot


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event about the organization; ``at`` and ``created`` as in Change."""

    at: datetime
    created: datetime | None
    type: str
    object_id: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What came of a link: ``at`` is when it was known here. Times are UTC."""

    result: Result
    at: datetime
    ends_at: datetime | None = None
    plan: str | None = None
    quantity: int | None = None


def news(
    link: Link,
    changes: Sequence[Change],
    events: Sequence[SeenEvent],
    subscription: SubscriptionFacts | None = None,
) -> News | None:
    """What the customer changed since redeeming ``link``, or None as far as nothing has arrived.

    ``changes`` are the organization's since then, ``events`` any of its events, oldest first.
    ``subscription`` is the one that the link is about, given where the entitlement follows another.
    """
    redeemed_at = link.last_redeemed_at
    if redeemed_at is None:
        return None
    changes = [each for each in changes if _came_of(redeemed_at, each)]
    events = [each for each in events if each.at >= redeemed_at and _came_of(redeemed_at, each)]
    return (
        _of_the_entitlement(changes)
        or _of_the_subscription(subscription, redeemed_at, events)
        or _of_the_account(link.destination, events)
    )


def _came_of(redeemed_at: datetime, seen: Change | SeenEvent) -> bool:
    """Whether Stripe caused it, in time, and it is not older news that only arrives now."""
    fresh = seen.created is not None and seen.created >= redeemed_at - CLOCK_SKEW
    return fresh and seen.at <= redeemed_at + WINDOW


def _of_the_entitlement(changes: Sequence[Change]) -> News | None:
    if not changes:
        return None
    before, after = changes[0].before, changes[-1].after
    result = _difference(before, after)
    if result is None and any(_difference(each.before, each.after) for each in changes):
        result = Result.CONTINUES  # something was done and undone again
    if result is None:
        return None
    return News(result, changes[-1].at, after.ends_at, after.plan, after.quantity)


def _difference(before: Snapshot | None, after: Snapshot) -> Result | None:
    """What differs to a customer; the next period, say, does not."""
    if before is None or (after.has_access and not before.has_access):
        again = before is not None and before.status == "paused"
        if not after.has_access:
            return None
        return Result.CONTINUES if again else Result.STARTED
    if after.status == "paused" and before.status != "paused":
        return Result.PAUSED
    if before.has_access and not after.has_access:
        return Result.ENDED
    if after.ends_at != before.ends_at:
        return Result.ENDING if after.ends_at is not None else Result.CONTINUES
    if after.price_id != before.price_id:
        return Result.PLAN_CHANGED
    if after.quantity != before.quantity:
        return Result.QUANTITY_CHANGED
    return Result.UPDATED if after.status != before.status else None


def _of_the_subscription(
    facts: SubscriptionFacts | None, redeemed_at: datetime, events: Sequence[SeenEvent]
) -> News | None:
    if facts is None:
        return None
    about = [
        event
        for event in events
        if event.type in _SUBSCRIPTION_EVENTS and event.object_id == facts.subscription_id
    ]
    if not about:
        return None
    asked = facts.canceled_at is not None and facts.canceled_at >= redeemed_at - CLOCK_SKEW
    if asked and facts.final:
        return News(Result.ENDED, about[-1].at)
    if asked:
        return News(Result.ENDING, about[-1].at, winding_down_until(facts))
    result = Result.PAUSED if facts.status == "paused" else Result.UPDATED
    return News(result, about[-1].at)


def _of_the_account(destination: str, events: Sequence[SeenEvent]) -> News | None:
    paid = _newest(events, _CHECKOUT_EVENTS)
    if destination == CHECKOUT:  # which also touches the customer and the way to pay
        return News(Result.UPDATED, paid) if paid else None
    payment_method = _newest(events, _PAYMENT_METHOD_EVENTS)
    customer = _newest(events, ("customer.updated",))
    if destination == UPDATE_PAYMENT_METHOD:
        # The default way to pay stands on the customer.
        payment_method = payment_method or customer
    if payment_method and not (customer and destination == UPDATE_DETAILS):
        return News(Result.PAYMENT_METHOD, payment_method)
    return News(Result.DETAILS, customer) if customer else None


def _newest(events: Sequence[SeenEvent], types: Sequence[str]) -> datetime | None:
    return max((event.at for event in events if event.type in types), default=None)
