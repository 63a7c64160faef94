"""Cards: Stripe's test cards, attached to customers, working or declined."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.account import Account
from sandbox.errors import Refusal, no_such
from sandbox.shapes import Json, copy_of, overlaid

ATTACHED = "payment_method.attached"


@dataclass(frozen=True, slots=True)
class TestCard:
    """One of Stripe's test cards (https://docs.stripe.com/testing)."""

    name: str
    brand: str
    last4: str
    declines: bool = False


TEST_CARDS = {
    "pm_card_visa": TestCard("Visa that works", "visa", "4242"),
    "pm_card_mastercard": TestCard("Mastercard that works", "mastercard", "4444"),
    "pm_card_chargeCustomerFail": TestCard(
        "Visa that will be declined", "visa", "0341", declines=True
    ),
}


def new(account: Account, card: TestCard, customer: Json | None = None) -> Json:
    """A payment method for a test card, not yet saved."""
    return {
        "id": account.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": {
            "address": None,
            "email": customer["email"] if customer else None,
            "name": customer["name"] if customer else None,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "country": "US",
            "display_brand": card.brand,
            "exp_month": 12,
            "exp_year": 2034,
            "funding": "credit",
            "last4": card.last4,
        },
        "created": account.now,
        "customer": customer["id"] if customer else None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_declines": card.declines,
    }


def attach(account: Account, customer: Json, name: str, param: str) -> Json:
    """Attach a test card by its name, or an existing payment method by its id, with its event."""
    return account.record(attachable(account, customer, name, param), ATTACHED)


def attachable(account: Account, customer: Json, name: str, param: str) -> Json:
    """The card as it is once attached, not yet saved; raises `Refusal` if it is another's."""
    if name in TEST_CARDS:
        return new(account, TEST_CARDS[name], customer)
    card = account.store.get("payment_method", name, param)
    if card["customer"] not in {None, customer["id"]}:
        raise Refusal(
            "The payment method you provided has already been attached to a customer.",
            param=param,
        )
    return overlaid(card, {"customer": customer["id"]})


def owned(account: Account, customer: Json, card_id: str) -> Json:
    """The customer's own card; raises `Refusal` if it is another's."""
    card = account.store.get("payment_method", card_id, "payment_method")
    if card["customer"] != customer["id"]:
        raise no_such("payment_method", card_id, "payment_method")
    return card


def make_default(account: Account, customer: Json, card: Json) -> Json:
    """Let a card pay for the customer's subscriptions from now on."""
    after = copy_of(customer)
    after["invoice_settings"]["default_payment_method"] = card["id"]
    return account.change(customer, after, "customer.updated")


def default_of(account: Account, customer: Json) -> Json | None:
    """The card that pays, or None."""
    card = (customer.get("invoice_settings") or {}).get("default_payment_method")
    return account.store.find(card) if card else None


def set_declines(account: Account, customer: Json, *, declines: bool) -> None:
    """Make the customer's default card work or be declined from now on, without an event."""
    card = default_of(account, customer)
    if card is None:
        raise Refusal(f"Customer {customer['id']} has no card that could decline.")
    account.save(overlaid(card, {"_declines": declines}))
