"""Customers."""

from __future__ import annotations

from sandbox import cards, subscriptions
from sandbox.account import Account
from sandbox.billing import FINAL
from sandbox.errors import no_such
from sandbox.params import Params
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json, copy_of
from sandbox.store import equal

_TEXTS = ("description", "email", "name", "phone")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def blank(customer_id: str, invoice_prefix: str, now: int) -> Json:
    """A customer about whom nothing is known yet."""
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def new(account: Account, **fields: object) -> Json:
    """A new customer with those fields, not yet saved."""
    customer = blank(account.ids.new("cus"), account.ids.letters(8).upper(), account.now)
    return {**customer, **fields}


def living(account: Account, customer_id: str, param: str | None = None) -> Json:
    """The customer; raises `Refusal` when unknown or deleted."""
    customer = account.store.get("customer", customer_id, param)
    if customer.get("deleted"):
        raise no_such("customer", customer_id, param)
    return customer


def create(account: Account, call: Call) -> Json:
    """`POST /v1/customers`; `payment_method` is attached and can be made the default."""
    params = call.params
    customer = _applied(params, new(account))
    method = params.text("payment_method")
    default = _default_card(params)
    params.finish()
    card = cards.attachable(account, customer, method, "payment_method") if method else None
    if default is not None and (card is None or default not in {method, card["id"]}):
        raise no_such("PaymentMethod", default, "invoice_settings[default_payment_method]")
    if default is not None and card is not None:
        customer["invoice_settings"]["default_payment_method"] = card["id"]
    account.record(customer, "customer.created")
    if card is not None:
        account.record(card, cards.ATTACHED)
    return customer


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/customers/{id}`; a deleted customer answers with `deleted: true`."""
    call.params.finish()
    return account.store.get("customer", call.ids["id"])


def update(account: Account, call: Call) -> Json:
    """`POST /v1/customers/{id}`."""
    params = call.params
    customer = living(account, call.ids["id"])
    after = _applied(params, copy_of(customer))
    sets_default = params.has("invoice_settings")
    default = _default_card(params)
    params.ignore("default_source", "source")
    params.finish()
    if sets_default and default is not None:
        default = cards.owned(account, customer, default)["id"]
        after["invoice_settings"]["default_payment_method"] = default
    return account.change(customer, after, "customer.updated")


def delete(account: Account, call: Call) -> Json:
    """`DELETE /v1/customers/{id}`: ends the customer's subscriptions at once."""
    call.params.finish()
    customer = living(account, call.ids["id"])
    for subscription in account.store.all("subscription", {"customer": customer["id"]}):
        if subscription["status"] not in FINAL:
            subscriptions.end(account, subscription, "cancellation_requested")
    account.emit("customer.deleted", customer)
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    account.save(gone)
    return gone


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/customers`, by `email` if given."""
    email = call.params.text("email")
    where: list[tuple[str, object]] = [("json_extract(json, '$.deleted') IS NULL", None)]
    if email is not None:
        where.append(equal("$.email", email))
    return listing(account, call, "customer", *where)


def list_payment_methods(account: Account, call: Call) -> Json:
    """`GET /v1/customers/{id}/payment_methods`."""
    customer = living(account, call.ids["id"])
    call.params.ignore("type", "allow_redisplay")
    return listing(account, call, "payment_method", equal("customer", customer["id"]))


def _applied(params: Params, customer: Json) -> Json:
    for name in _TEXTS:
        if params.has(name):
            customer[name] = params.text(name)
    if params.has("address"):
        address = params.nested("address")
        customer["address"] = {part: address.text(part) for part in _ADDRESS} if address else None
    if params.has("preferred_locales"):
        customer["preferred_locales"] = params.texts("preferred_locales")
    if params.has("tax_exempt"):
        customer["tax_exempt"] = params.choice("tax_exempt", ("none", "exempt", "reverse"))
    customer["metadata"] = params.metadata(customer["metadata"])
    return customer


def _default_card(params: Params) -> str | None:
    settings = params.nested("invoice_settings")
    return settings.text("default_payment_method") if settings else None


ROUTES = [
    Route("POST", "/v1/customers", create),
    Route("GET", "/v1/customers", list_all),
    Route("GET", "/v1/customers/{id}", retrieve),
    Route("POST", "/v1/customers/{id}", update),
    Route("DELETE", "/v1/customers/{id}", delete),
    Route("GET", "/v1/customers/{id}/payment_methods", list_payment_methods),
]
