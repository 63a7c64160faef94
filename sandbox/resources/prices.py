"""Prices: recurring, per unit; lookup keys are unique and can be moved."""

from __future__ import annotations

from sandbox import billing
from sandbox.account import Account
from sandbox.errors import Refusal, invalid
from sandbox.params import Params
from sandbox.resources import products
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json, copy_of, overlaid
from sandbox.store import equal

_INTERVALS = ("day", "week", "month", "year")
_MOST_LOOKUP_KEYS = 10


def new(
    account: Account,
    product: str,
    unit_amount: int,
    currency: str,
    interval: str,
    *,
    lookup_key: str | None = None,
    interval_count: int = 1,
) -> Json:
    """A new recurring price in minor units, not yet saved."""
    return {
        "id": account.ids.new("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": account.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": {
            "interval": interval,
            "interval_count": interval_count,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def create(account: Account, call: Call) -> Json:
    """`POST /v1/prices`, for an existing product or with `product_data`."""
    params = call.params
    currency = params.needed("currency").lower()
    unit_amount = params.integer("unit_amount", least=0, required=True) or 0
    recurring = params.nested("recurring")
    interval = recurring.choice("interval", _INTERVALS, required=True) if recurring else None
    count = recurring.integer("interval_count", least=1) if recurring else None
    if recurring:
        recurring.choice("usage_type", ("licensed",))
    product_data = params.nested("product_data")
    product_name = product_data.needed("name") if product_data else None
    product_id = None if product_data else params.needed("product")
    params.has("product")
    price = new(account, product_id or "", unit_amount, currency, interval or "month")
    price["recurring"]["interval_count"] = count or 1
    key = params.text("lookup_key", longest=200)
    transfer = params.boolean("transfer_lookup_key") or False
    _apply(params, price)
    params.finish()
    if interval is None:
        raise Refusal(
            "The sandbox sells subscriptions only: send recurring[interval].", param="recurring"
        )
    if product_id is not None:
        account.store.get("product", product_id, "product")
    else:
        product = account.record(products.new(account, product_name or ""), "product.created")
        price["product"] = product["id"]
    if key is not None:
        claim_lookup_key(account, key, price["id"], transfer=transfer)
        price["lookup_key"] = key
    return account.record(price, "price.created")


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/prices/{id}`."""
    call.params.finish()
    return account.store.get("price", call.ids["id"])


def update(account: Account, call: Call) -> Json:
    """`POST /v1/prices/{id}`; `transfer_lookup_key` takes the key from the price that has it."""
    params = call.params
    price = account.store.get("price", call.ids["id"])
    after = copy_of(price)
    transfer = params.boolean("transfer_lookup_key") or False
    sets_key = params.has("lookup_key")
    key = params.text("lookup_key", longest=200)
    _apply(params, after)
    params.finish()
    if sets_key:
        if key is not None:
            claim_lookup_key(account, key, price["id"], transfer=transfer)
        after["lookup_key"] = key
    return save_change(account, price, after)


def claim_lookup_key(account: Account, key: str, price_id: str, *, transfer: bool) -> None:
    """Make sure that no other price holds a lookup key, moving it away if `transfer`."""
    for holder in account.store.all("price", {"$.lookup_key": key}):
        if holder["id"] == price_id:
            continue
        if not transfer:
            raise Refusal(
                f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key"
            )
        save_change(account, holder, overlaid(holder, {"lookup_key": None}))


def save_change(account: Account, before: Json, after: Json) -> Json:
    """Keep a changed price, and show it in the subscriptions that carry it."""
    account.change(before, after, "price.updated")
    for subscription in account.store.all("subscription"):
        carrying = [
            item
            for item in billing.items_of(subscription)
            if item["price"]["id"] == after["id"] and item["price"] != after
        ]
        for item in carrying:
            item["price"] = after
        if carrying:
            account.save(billing.settled(subscription))
    return after


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/prices`, by `lookup_keys`, `active`, `product`, `currency` or `recurring`."""
    params = call.params
    where: list[tuple[str, object]] = []
    keys = params.texts("lookup_keys", most=_MOST_LOOKUP_KEYS)
    if keys:
        text = "instr(?, char(10) || json_extract(json, '$.lookup_key') || char(10)) > 0"
        where.append((text, "\n" + "\n".join(keys) + "\n"))
    active = params.boolean("active")
    if active is not None:
        where.append(equal("$.active", int(active)))
    for name in ("product", "currency", "type"):
        value = params.text(name)
        if value is not None:
            where.append(equal(f"$.{name}", value))
    recurring = params.nested("recurring")
    interval = recurring.choice("interval", _INTERVALS) if recurring else None
    if interval is not None:
        where.append(equal("$.recurring.interval", interval))
    return listing(account, call, "price", *where)


def _apply(params: Params, price: Json) -> None:
    active = params.boolean("active")
    if active is not None:
        price["active"] = active
    if params.has("nickname"):
        price["nickname"] = params.text("nickname")
    behavior = params.choice("tax_behavior", ("exclusive", "inclusive", "unspecified"))
    if behavior and price["tax_behavior"] not in {behavior, "unspecified"}:
        raise invalid(
            "tax_behavior",
            "The tax_behavior of a price cannot be changed once it is `exclusive` or `inclusive`.",
        )
    price["tax_behavior"] = behavior or price["tax_behavior"]
    price["metadata"] = params.metadata(price["metadata"])


ROUTES = [
    Route("POST", "/v1/prices", create),
    Route("GET", "/v1/prices", list_all),
    Route("GET", "/v1/prices/{id}", retrieve),
    Route("POST", "/v1/prices/{id}", update),
]
