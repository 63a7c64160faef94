"""The chain from Stripe's last word to access or none: each step with what it rests on."""

from dataclasses import dataclass
from datetime import datetime

from billing_core.entitlement import NO_SUBSCRIPTION
from billing_core.facts import KNOWN_STATUSES
from billing_core.money import recurring
from billing_core.rows import ItemView, OrganizationView, SubscriptionView
from billing_core.sentences.words import Words


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, what it says, why in a few words, and all of it in detail.

    Text between backticks is code. ``at`` is when, where the step has a time. ``tone`` is plain,
    good, warn or bad: whether access comes through here.
    """

    title: str
    value: str
    because: str
    detail: str = ""
    at: datetime | None = None
    tone: str = "plain"


def chain(view: OrganizationView, words: Words | None = None) -> tuple[Step, ...]:
    """From Stripe's last event over status, access policy, price and plan to the row."""
    words = words or Words()
    entitlement = view.entitlement
    if entitlement.status == NO_SUBSCRIPTION:
        return (_nothing_said(view), _row(view))
    steps = [_event(view), _subscription(view), _policy(view, words)]
    item = _deciding_item(view)
    if entitlement.price_id is not None:
        steps += [_price(view, item, words), _plan(view, item)]
    return (*steps, _row(view))


def _nothing_said(view: OrganizationView) -> Step:
    customer_id = view.organization.customer_id
    if customer_id is None:
        return Step("Stripe said", "Nothing yet", "No customer in Stripe")
    return Step("Stripe said", "No subscription", "Never had one", f"Customer `{customer_id}`")


def _event(view: OrganizationView) -> Step:
    entitlement = view.entitlement
    value = f"`{entitlement.last_event_type}`" if entitlement.last_event_type else "An event"
    because = ""
    if entitlement.last_event_type is None and entitlement.last_event_id is not None:
        because = "No longer stored"
    detail = f"Event `{entitlement.last_event_id}`" if entitlement.last_event_id else ""
    return Step("Stripe said", value, because, detail, at=entitlement.last_event_at)


def _subscription(view: OrganizationView) -> Step:
    entitlement = view.entitlement
    return Step(
        "Subscription",
        f"`{entitlement.status}`",
        _why_this_one(view),
        f"`{entitlement.subscription_id}`",
        tone="plain" if entitlement.has_access else "bad",
    )


def _why_this_one(view: OrganizationView) -> str:
    count = len(view.subscriptions)
    if view.deciding is None or count == 1:
        return "The only one" if count == 1 else ""
    giving = sum(each.gives_access for each in view.subscriptions)
    if not giving:
        return f"The newest of {count}; none gives access"
    if giving == 1:
        return f"The one of {count} that gives access"
    return f"The newest of {giving} that give access"


def _policy(view: OrganizationView, words: Words) -> Step:
    entitlement = view.entitlement
    status = entitlement.status
    value = "Gives access" if entitlement.has_access else "Gives none"
    tone = "good" if entitlement.has_access else "bad"
    if status not in KNOWN_STATUSES:
        return Step(
            "Access rule", "Left as it was", "A status not known here", f"`{status}`", tone="warn"
        )
    if status == "past_due":
        setting = "true" if words.config.access.past_due else "false"
        detail = f"`[access] past_due = {setting}` in billing.toml"
        tone = "warn" if entitlement.has_access else tone
        return Step("Access rule", value, f"`past_due = {setting}`", detail, tone=tone)
    always = "always does" if entitlement.has_access else "never does"
    return Step("Access rule", value, "", f"`{status}` {always}", tone=tone)


def _deciding_item(view: OrganizationView) -> ItemView | None:
    deciding: SubscriptionView | None = view.deciding
    if deciding is None:
        return None
    return next((item for item in deciding.items if item.decides), None)


def _price(view: OrganizationView, item: ItemView | None, words: Words) -> Step:
    entitlement = view.entitlement
    amount = recurring(
        entitlement.unit_amount,
        entitlement.currency,
        entitlement.interval,
        quantity=entitlement.quantity,
        interval_count=entitlement.interval_count,
        usage_type=item.facts.usage_type if item else None,
        locale=words.locale,
    )
    price = f"`{entitlement.price_id}`"
    if entitlement.price_lookup_key is None:
        return Step("Price", amount, "No lookup key", price)
    key = f"`{entitlement.price_lookup_key}`"
    if item is not None and item.facts.lookup_key is None:
        price += ", whose lookup key has moved to a newer price since"
    return Step("Price", amount, key, price)


def _plan(view: OrganizationView, item: ItemView | None) -> Step:
    entitlement = view.entitlement
    if entitlement.plan is None:
        detail = f"No plan in billing.toml names `{entitlement.price_id}`"
        return Step("Plan", "Unmapped", "Access follows the status", detail, tone="warn")
    beside = ""
    deciding = view.deciding
    if deciding is not None and item is not None and len(deciding.items) > 1:
        others = len(deciding.items) - 1
        beside = f"{others} add-on{'s' if others > 1 else ''} beside it"
    name = entitlement.plan_name or entitlement.plan
    return Step("Plan", name, beside, f"`[plans.{entitlement.plan}]` in billing.toml")


def _row(view: OrganizationView) -> Step:
    entitlement = view.entitlement
    value = "Access: yes" if entitlement.has_access else "Access: no"
    tone = "good" if entitlement.has_access else "bad"
    if entitlement.winding_down:
        value, tone = "Access: until it ends", "warn"
    detail = f"Revision {entitlement.revision} of the row in `plan_entitlements`"
    if entitlement.updated_at is None:
        detail = "There is no row in `plan_entitlements`"
    return Step("Entitlement", value, "", detail, at=entitlement.updated_at, tone=tone)
