"""What an org is entitled to: a pure function of its subscriptions and ``billing.toml``.

Prices enter through ``lookup_keys``: the last non-null lookup key that each price was seen under,
because Stripe takes a moved key off the old price while customers still pay it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from billing_core.config import AccessPolicy, BillingConfig
from billing_core.facts import KNOWN_STATUSES, ItemFacts, SubscriptionFacts

NO_SUBSCRIPTION = "none"
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A subscription's last facts, the event they came from, and its last status that we know."""

    facts: SubscriptionFacts
    event_id: str
    known_status: str | None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What an org has. ``ends_at`` is when access is due to end, else None."""

    plan: str | None
    status: str
    has_access: bool
    cancel_at_period_end: bool
    cancel_at: datetime | None
    current_period_end: datetime | None
    ends_at: datetime | None
    quantity: int | None
    subscription_id: str | None
    price_id: str | None
    price_lookup_key: str | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    last_event_id: str | None


def status_gives_access(status: str, known_status: str | None, policy: AccessPolicy) -> bool:
    """Whether a status gives access; an unknown one leaves it as the last known one had it."""
    if status not in KNOWN_STATUSES:
        status = known_status or ""
    return status in ("active", "trialing") or (status == "past_due" and policy.past_due)


def winding_down_until(facts: SubscriptionFacts) -> datetime | None:
    """When a pending cancellation takes effect, or None where none is pending.

    Classic billing mode sets the flag, flexible billing mode only ``cancel_at``.
    """
    if facts.final:
        return None
    if facts.cancel_at is not None:
        return facts.cancel_at
    return facts.current_period_end if facts.cancel_at_period_end else None


def main_item(
    facts: SubscriptionFacts, config: BillingConfig, lookup_keys: Mapping[str, str]
) -> tuple[ItemFacts | None, str | None]:
    """The item that decides the plan, and that plan's slug; the first item where none maps."""
    for item in facts.items:
        plan = config.plan_for(effective_lookup_key(item, lookup_keys), item.price_id)
        if plan is not None:
            return item, plan
    return (facts.items[0] if facts.items else None), None


def effective_lookup_key(item: ItemFacts, lookup_keys: Mapping[str, str]) -> str | None:
    """The lookup key that the item's price was last seen under."""
    if item.price_id is not None and item.price_id in lookup_keys:
        return lookup_keys[item.price_id]
    return item.lookup_key


def deciding_subscription(
    subscriptions: Sequence[SubscriptionState], policy: AccessPolicy
) -> SubscriptionState | None:
    """The subscription that speaks for the org: one with access before one without, then newest."""
    return max(
        subscriptions,
        key=lambda state: (
            status_gives_access(state.facts.status, state.known_status, policy),
            state.facts.created_at or _EARLIEST,
            state.facts.subscription_id,
        ),
        default=None,
    )


def entitlement_of(
    subscriptions: Sequence[SubscriptionState],
    config: BillingConfig,
    lookup_keys: Mapping[str, str],
) -> Entitlement:
    """What an org with these subscriptions is entitled to."""
    deciding = deciding_subscription(subscriptions, config.access)
    if deciding is None:
        return Entitlement(
            plan=None,
            status=NO_SUBSCRIPTION,
            has_access=False,
            cancel_at_period_end=False,
            cancel_at=None,
            current_period_end=None,
            ends_at=None,
            quantity=None,
            subscription_id=None,
            price_id=None,
            price_lookup_key=None,
            unit_amount=None,
            currency=None,
            interval=None,
            last_event_id=None,
        )
    facts = deciding.facts
    item, plan = main_item(facts, config, lookup_keys)
    has_access = status_gives_access(facts.status, deciding.known_status, config.access)
    return Entitlement(
        plan=plan,
        status=facts.status,
        has_access=has_access,
        cancel_at_period_end=facts.cancel_at_period_end,
        cancel_at=facts.cancel_at,
        current_period_end=facts.current_period_end,
        ends_at=winding_down_until(facts) if has_access else None,
        quantity=item.quantity if item else None,
        subscription_id=facts.subscription_id,
        price_id=item.price_id if item else None,
        price_lookup_key=effective_lookup_key(item, lookup_keys) if item else None,
        unit_amount=item.unit_amount if item else None,
        currency=item.currency if item else None,
        interval=item.interval if item else None,
        last_event_id=deciding.event_id,
    )
