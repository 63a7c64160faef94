"""Events in plain words: one table from event type to the function that tells it."""

from collections.abc import Callable
from enum import StrEnum

from billing_core.happenings import Happening
from billing_core.sentences import billing, subscriptions
from billing_core.sentences.why import why
from billing_core.sentences.words import Sentence, Words

Telling = Callable[[Happening, Words], Sentence]

TELLINGS: dict[str, Telling] = {
    "customer.subscription.created": subscriptions.created,
    "customer.subscription.updated": subscriptions.updated,
    "customer.subscription.deleted": subscriptions.ended,
    "customer.subscription.paused": subscriptions.paused,
    "customer.subscription.resumed": subscriptions.resumed,
    "customer.subscription.trial_will_end": subscriptions.trial_will_end,
    "customer.subscription.pending_update_applied": subscriptions.updated,
    "customer.subscription.pending_update_expired": subscriptions.updated,
    "snapshot.subscription": subscriptions.snapshot,
    "invoice.paid": billing.invoice_paid,
    "invoice.payment_failed": billing.invoice_payment_failed,
    "invoice.payment_action_required": billing.invoice_action_required,
    "invoice.upcoming": billing.invoice_upcoming,
    "invoice.voided": billing.invoice_voided,
    "invoice.marked_uncollectible": billing.invoice_voided,
    "invoice.created": billing.invoice_step,
    "invoice.finalized": billing.invoice_step,
    "invoice.updated": billing.invoice_step,
    "invoice.sent": billing.invoice_step,
    "invoice.payment_succeeded": billing.invoice_step,
    "checkout.session.completed": billing.checkout_completed,
    "checkout.session.async_payment_succeeded": billing.checkout_payment,
    "checkout.session.async_payment_failed": billing.checkout_payment,
    "checkout.session.expired": billing.checkout_expired,
    "payment_method.attached": billing.payment_method,
    "payment_method.detached": billing.payment_method,
    "payment_method.updated": billing.payment_method,
    "payment_method.automatically_updated": billing.payment_method,
    "payment_method.card_automatically_updated": billing.payment_method,
    "customer.source.created": billing.payment_method,
    "customer.source.updated": billing.payment_method,
    "customer.source.deleted": billing.payment_method,
    "customer.card.created": billing.payment_method,
    "customer.card.updated": billing.payment_method,
    "customer.card.deleted": billing.payment_method,
    "customer.created": billing.customer_created,
    "customer.updated": billing.customer_updated,
    "customer.deleted": billing.customer_deleted,
    "subscription_schedule.created": billing.schedule,
    "subscription_schedule.updated": billing.schedule,
    "subscription_schedule.released": billing.schedule,
    "subscription_schedule.completed": billing.schedule,
    "subscription_schedule.canceled": billing.schedule,
    "subscription_schedule.aborted": billing.schedule,
    "subscription_schedule.expiring": billing.schedule,
    "price.created": billing.price,
    "price.updated": billing.price,
    "price.deleted": billing.price,
    "plan.created": billing.price,
    "plan.updated": billing.price,
    "plan.deleted": billing.price,
    "product.created": billing.product,
    "product.updated": billing.product,
    "product.deleted": billing.product,
    "billing_portal.session.created": billing.portal_session,
}


class StoryKind(StrEnum):
    """What a timeline is narrowed to."""

    EVERYTHING = "everything"
    SUBSCRIPTION = "subscription"
    PAYMENTS = "payments"
    STAFF = "staff"


_BEGINNINGS: dict[StoryKind, tuple[str, ...]] = {
    StoryKind.EVERYTHING: ("",),
    StoryKind.SUBSCRIPTION: (
        "customer.subscription.",
        "snapshot.subscription",
        "subscription_schedule.",
        "checkout.session.",
    ),
    StoryKind.PAYMENTS: (
        "invoice.",
        "payment_method.",
        "customer.source.",
        "customer.card.",
        "checkout.session.",
    ),
    StoryKind.STAFF: ("billing_portal.session.",),
}


def types_of(kind: StoryKind) -> frozenset[str]:
    """The types of event that a kind of story is about, among those that can be told."""
    return frozenset(type_ for type_ in TELLINGS if type_.startswith(_BEGINNINGS[kind]))


def describe(happening: Happening, words: Words) -> Sentence:
    """What an event tells, in plain words. Never raises, whatever the event holds."""
    telling = TELLINGS.get(happening.type)
    if telling is None:
        text = f"Stripe sent `{happening.type}`: nothing here depends on it."
        return Sentence("unknown", text, quiet=True)
    return telling(happening, words)


__all__ = ["TELLINGS", "Sentence", "StoryKind", "Words", "describe", "types_of", "why"]
