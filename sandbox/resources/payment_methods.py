"""Payment methods: cards only."""

from __future__ import annotations

from sandbox import cards
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.resources import customers
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json, copy_of, overlaid
from sandbox.store import equal


def create(account: Account, call: Call) -> Json:
    """`POST /v1/payment_methods` with a test token such as `card[token]=tok_visa`."""
    params = call.params
    params.choice("type", ("card",), required=True)
    card = params.nested("card")
    token = card.text("token") if card else None
    params.ignore("billing_details")
    params.finish()
    name = (token or "").replace("tok_", "pm_card_")
    if name not in cards.TEST_CARDS:
        raise Refusal(
            "The sandbox takes test cards only: send card[token]=tok_visa, tok_mastercard or"
            " tok_chargeCustomerFail.",
            param="card",
        )
    method = cards.new(account, cards.TEST_CARDS[name])
    account.save(method)
    return method


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/payment_methods/{id}`."""
    call.params.finish()
    return account.store.get("payment_method", call.ids["id"])


def attach(account: Account, call: Call) -> Json:
    """`POST /v1/payment_methods/{id}/attach`; test cards go by name, such as `pm_card_visa`."""
    customer = customers.living(account, call.params.needed("customer"), "customer")
    call.params.finish()
    return cards.attach(account, customer, call.ids["id"], "payment_method")


def detach(account: Account, call: Call) -> Json:
    """`POST /v1/payment_methods/{id}/detach`."""
    call.params.finish()
    card = account.store.get("payment_method", call.ids["id"])
    owner = account.store.find(card["customer"]) if card["customer"] else None
    account.record(overlaid(card, {"customer": None}), "payment_method.detached")
    if owner is not None and cards.default_of(account, owner) is not None:
        after = copy_of(owner)
        if after["invoice_settings"]["default_payment_method"] == card["id"]:
            after["invoice_settings"]["default_payment_method"] = None
            account.change(owner, after, "customer.updated")
    return account.store.get("payment_method", card["id"])


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/payment_methods` of a customer."""
    customer = customers.living(account, call.params.needed("customer"), "customer")
    call.params.ignore("type")
    return listing(account, call, "payment_method", equal("customer", customer["id"]))


ROUTES = [
    Route("POST", "/v1/payment_methods", create),
    Route("GET", "/v1/payment_methods", list_all),
    Route("GET", "/v1/payment_methods/{id}", retrieve),
    Route("POST", "/v1/payment_methods/{id}/attach", attach),
    Route("POST", "/v1/payment_methods/{id}/detach", detach),
]
