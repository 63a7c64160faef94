"""What happened around a subscription: invoices, Checkout, ways to pay, the customer, plans."""

from billing_core.facts import CustomerFacts, PriceFacts, ProductFacts
from billing_core.happenings import (
    CheckoutFacts,
    Happening,
    InvoiceFacts,
    PaymentMethodFacts,
    ScheduleFacts,
)
from billing_core.sentences.words import Sentence, Words

_REASONS = {
    "subscription_create": "for the new subscription",
    "subscription_cycle": "for the new period",
    "subscription_update": "for a change of the subscription",
    "subscription_threshold": "for usage",
    "manual": "made by hand",
}
_DEFAULT_PAYMENT = {"invoice_settings.default_payment_method", "default_source"}


def _invoice(happening: Happening) -> InvoiceFacts | None:
    return happening.after if isinstance(happening.after, InvoiceFacts) else None


def invoice_paid(happening: Happening, words: Words) -> Sentence:
    """An invoice is settled; one of nothing tells nothing."""
    invoice = _invoice(happening)
    amount = words.amount(invoice.amount_paid, invoice.currency) if invoice else None
    if invoice is None or amount is None:
        return Sentence("invoice_paid", "An invoice was paid.")
    reason = _REASONS.get(invoice.billing_reason or "")
    tail = f" {reason}" if reason else ""
    if invoice.amount_paid == 0:
        return Sentence("invoice_paid", f"An invoice{tail} asked for nothing.", quiet=True)
    number = (f"Invoice {invoice.number}",) if invoice.number else ()
    return Sentence("invoice_paid", f"{amount} was paid{tail}.", number)


def invoice_payment_failed(happening: Happening, words: Words) -> Sentence:
    """A payment did not go through; Stripe says when it tries again."""
    invoice = _invoice(happening)
    amount = words.amount(invoice.amount_due, invoice.currency) if invoice else None
    text = f"A payment of {amount} failed." if amount else "A payment failed."
    details: tuple[str, ...] = ()
    if invoice is not None:
        if invoice.next_attempt_at is not None:
            text += f" Stripe tries again on {words.day(invoice.next_attempt_at)}."
        if invoice.number:
            details = (f"Invoice {invoice.number}",)
    return Sentence("payment_failed", text, details)


def invoice_action_required(happening: Happening, words: Words) -> Sentence:
    """The customer's bank asks for a confirmation."""
    invoice = _invoice(happening)
    amount = words.amount(invoice.amount_due, invoice.currency) if invoice else None
    what = f"The payment of {amount}" if amount else "A payment"
    return Sentence("payment_failed", f"{what} waits for the customer to confirm it with the bank.")


def invoice_upcoming(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """Stripe's notice of a renewal; the amount may still change, so it is not told."""
    return Sentence("info", "The next invoice will be made in a few days.", quiet=True)


def invoice_voided(happening: Happening, words: Words) -> Sentence:
    """An invoice was taken back, or given up."""
    invoice = _invoice(happening)
    amount = words.amount(invoice.total, invoice.currency) if invoice else None
    done = "given up as uncollectible" if happening.type.endswith("uncollectible") else "voided"
    return Sentence("info", f"An invoice{f' of {amount}' if amount else ''} was {done}.")


def invoice_step(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A step on an invoice's way that its payment will tell better."""
    step = happening.type.rpartition(".")[2].replace("_", " ")
    return Sentence("info", f"An invoice on its way: {step}.", quiet=True)


def checkout_completed(happening: Happening, words: Words) -> Sentence:
    """The customer went through Checkout."""
    checkout = happening.after
    if not isinstance(checkout, CheckoutFacts):
        return Sentence("checkout", "The customer completed Checkout.")
    amount = words.amount(checkout.amount_total, checkout.currency)
    paid = checkout.payment_status == "paid"
    text = "The customer completed Checkout"
    if paid and amount:
        text += f" and paid {amount}"
    elif checkout.payment_status == "unpaid":
        text += "; the payment is still on its way"
    return Sentence("checkout", f"{text}.")


def checkout_payment(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A slow payment of a Checkout session came or failed."""
    if happening.type.endswith("succeeded"):
        return Sentence("checkout", "The payment of the Checkout session came.")
    return Sentence("payment_failed", "The payment of the Checkout session failed.")


def checkout_expired(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A Checkout session was not used."""
    return Sentence("checkout", "A Checkout session expired without being completed.")


def payment_method(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A way to pay was added, changed or taken away."""
    what = _way_to_pay(happening)
    step = happening.type.rpartition(".")[2]
    done = {
        "attached": "was added",
        "created": "was added",
        "detached": "was taken away",
        "deleted": "was taken away",
        "automatically_updated": "was renewed by the bank",
        "card_automatically_updated": "was renewed by the bank",
    }.get(step, "was changed")
    return Sentence("payment_method", f"{what} {done}.")


def _way_to_pay(happening: Happening) -> str:
    facts = happening.after
    if not isinstance(facts, PaymentMethodFacts):
        return "A way to pay"
    if facts.last4:
        brand = (facts.brand or "card").replace("_", " ")
        return f"The {brand[:1].upper()}{brand[1:]} ending in {facts.last4}"
    return f"A way to pay ({facts.type.replace('_', ' ')})" if facts.type else "A way to pay"


def customer_created(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """Stripe knows the customer from now on."""
    facts = happening.after
    if isinstance(facts, CustomerFacts) and facts.claimed_org_id:
        return Sentence("customer", f"The Stripe customer of {facts.claimed_org_id} was created.")
    return Sentence("customer", "The Stripe customer was created.")


def customer_updated(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """The customer's details changed."""
    before, after = happening.before, happening.after
    told: list[str] = []
    kind = "customer"
    if isinstance(before, CustomerFacts) and isinstance(after, CustomerFacts):
        if before.name != after.name:
            told.append(f"The customer is now called {after.name or '(no name)'}.")
        if before.email != after.email:
            told.append(f"The e-mail address is now {after.email or '(none)'}.")
        if before.claimed_org_id != after.claimed_org_id:
            told.append(f"The customer was linked to {after.claimed_org_id or 'no organization'}.")
    if happening.changed & _DEFAULT_PAYMENT:
        kind = kind if told else "payment_method"
        told.append("The default way to pay was changed.")
    if not told:
        return Sentence("customer", "The customer's details were changed.", quiet=True)
    return Sentence(kind, " ".join(told))


def customer_deleted(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """The customer is gone from Stripe, with the portal and its invoices."""
    return Sentence("ended", "The Stripe customer was deleted.")


def schedule(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A planned change of a subscription."""
    step = happening.type.rpartition(".")[2]
    facts = happening.after
    done = {
        "created": "was scheduled",
        "updated": "was rescheduled",
        "released": "was released from its schedule",
        "completed": "was carried out",
        "canceled": "was called off",
        "aborted": "was called off by Stripe",
        "expiring": "will end with its schedule soon",
    }.get(step, "was touched")
    # The subscription's own event tells of these.
    quiet = isinstance(facts, ScheduleFacts) and step in ("created", "updated", "released")
    return Sentence("schedule", f"A planned change of the subscription {done}.", quiet=quiet)


def price(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """The catalogue, not this customer."""
    facts = happening.after
    name = facts.price_id if isinstance(facts, PriceFacts) else "a price"
    return Sentence("info", f"The price {name} was {_done(happening)}.", quiet=True)


def product(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """The catalogue, not this customer."""
    facts = happening.after
    name = facts.name or facts.product_id if isinstance(facts, ProductFacts) else "a product"
    return Sentence("info", f"The product {name} was {_done(happening)}.", quiet=True)


def portal_session(happening: Happening, words: Words) -> Sentence:  # noqa: ARG001 - as all of these
    """A portal session was made; nothing has changed by that."""
    return Sentence("link", "A session of the billing portal was opened.", quiet=True)


def _done(happening: Happening) -> str:
    return happening.type.rpartition(".")[2]
