"""Invoices: listed, read, paid."""

from __future__ import annotations

from sandbox import subscriptions
from sandbox.account import Account
from sandbox.errors import Refusal, card_declined
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json
from sandbox.store import equal

_STATUSES = ("draft", "open", "paid", "uncollectible", "void")


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/invoices`, by `customer`, `subscription` or `status`."""
    params = call.params
    where: list[tuple[str, object]] = []
    customer = params.text("customer")
    if customer is not None:
        where.append(equal("customer", customer))
    subscription = params.text("subscription")
    if subscription is not None:
        where.append(equal("$.parent.subscription_details.subscription", subscription))
    status = params.choice("status", _STATUSES)
    if status is not None:
        where.append(equal("$.status", status))
    return listing(account, call, "invoice", *where)


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/invoices/{id}`."""
    call.params.finish()
    return account.store.get("invoice", call.ids["id"])


def pay(account: Account, call: Call) -> Json:
    """`POST /v1/invoices/{id}/pay`: tries the customer's card again."""
    call.params.finish()
    invoice = account.store.get("invoice", call.ids["id"])
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise Refusal(f"This invoice can't be paid because its status is {invoice['status']}.")
    if not subscriptions.collect(account, invoice):
        raise card_declined(kept=True)
    return account.store.get("invoice", invoice["id"])


ROUTES = [
    Route("GET", "/v1/invoices", list_all),
    Route("GET", "/v1/invoices/{id}", retrieve),
    Route("POST", "/v1/invoices/{id}/pay", pay),
]
