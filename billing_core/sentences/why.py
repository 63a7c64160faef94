"""The reason for an organization's present state, in one sentence that names the event."""

from billing_core.entitlement import NO_SUBSCRIPTION
from billing_core.facts import KNOWN_STATUSES
from billing_core.rows import EntitlementRow, OrganizationView
from billing_core.sentences.words import Words

_REASONS = {
    "incomplete": "it waits for the first payment",
    "incomplete_expired": "the first payment never came",
    "unpaid": "Stripe has stopped trying to collect",
    "paused": "the subscription is paused",
    "canceled": "the subscription has ended",
}


def why(view: OrganizationView, words: Words | None = None) -> str:
    """Why the organization has access, or has none: "Has access because Stripe last said …"."""
    words = words or Words()
    entitlement = view.entitlement
    if entitlement.status == NO_SUBSCRIPTION:
        if view.organization.customer_id is None:
            return "No access: it has never been a customer in Stripe, so it never subscribed."
        return "No access: it is a customer in Stripe and has never subscribed."
    said = f"Stripe last said `{entitlement.status}`{_when(entitlement, words)}"
    if entitlement.status not in KNOWN_STATUSES:
        state = "Has access" if entitlement.has_access else "No access"
        return (
            f"{state}, as before: {said}, a status that is not known here, so nothing was added"
            " or taken away."
        )
    if entitlement.has_access:
        return f"Has access because {said}.{_until(view, words)}"
    reason = _REASONS.get(entitlement.status)
    if entitlement.status == "past_due":
        reason = "billing.toml gives none while a payment is past due"
    return f"No access because {said}{f': {reason}' if reason else ''}."


def _when(entitlement: EntitlementRow, words: Words) -> str:
    if entitlement.last_event_id is None:
        return ""
    if entitlement.last_event_at is None:
        return f" (event {entitlement.last_event_id})"
    return f" on {words.day(entitlement.last_event_at)} (event {entitlement.last_event_id})"


def _until(view: OrganizationView, words: Words) -> str:
    entitlement = view.entitlement
    if entitlement.ends_at is not None:
        day = words.day(entitlement.ends_at)
        return f" It is set to end on {day}; access stays until Stripe reports the end."
    if entitlement.status == "past_due":
        return " Access stays while Stripe retries the payment."
    deciding = view.deciding
    if entitlement.status == "trialing" and deciding and deciding.facts.trial_end is not None:
        return f" The trial runs until {words.day(deciding.facts.trial_end)}."
    return ""
