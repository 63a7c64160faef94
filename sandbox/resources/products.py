"""Products."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.params import Params
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json, copy_of
from sandbox.store import equal

_TEXTS = ("description", "statement_descriptor", "tax_code", "unit_label", "url")


def new(account: Account, name: str, product_id: str | None = None) -> Json:
    """A new product, not yet saved."""
    return {
        "id": product_id or account.ids.new("prod"),
        "object": "product",
        "active": True,
        "attributes": [],
        "created": account.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": account.now,
        "url": None,
    }


def create(account: Account, call: Call) -> Json:
    """`POST /v1/products`."""
    params = call.params
    product = new(account, params.needed("name"), params.text("id"))
    if account.store.find(product["id"]) is not None:
        raise Refusal("Product already exists.", code="resource_already_exists", param="id")
    _apply(params, product)
    params.finish()
    return account.record(product, "product.created")


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/products/{id}`."""
    call.params.finish()
    return account.store.get("product", call.ids["id"])


def update(account: Account, call: Call) -> Json:
    """`POST /v1/products/{id}`."""
    params = call.params
    product = account.store.get("product", call.ids["id"])
    after = copy_of(product)
    after["name"] = params.text("name") or product["name"]
    if params.has("default_price"):
        price = params.text("default_price")
        after["default_price"] = (
            account.store.get("price", price, "default_price")["id"] if price else None
        )
    _apply(params, after)
    params.finish()
    if after != product:
        after["updated"] = account.now
    return account.change(product, after, "product.updated")


def delete(account: Account, call: Call) -> Json:
    """`DELETE /v1/products/{id}`, only without prices."""
    call.params.finish()
    product = account.store.get("product", call.ids["id"])
    if account.store.all("price", {"$.product": product["id"]}):
        raise Refusal(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    account.emit("product.deleted", product)
    account.store.remove(product["id"])
    return {"id": product["id"], "object": "product", "deleted": True}


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/products`, by `active` or `ids`."""
    params = call.params
    where: list[tuple[str, object]] = []
    active = params.boolean("active")
    if active is not None:
        where.append(equal("$.active", int(active)))
    ids = params.texts("ids")
    if ids:
        where.append(("(',' || ? || ',') LIKE '%,' || id || ',%'", ",".join(ids)))
    return listing(account, call, "product", *where)


def _apply(params: Params, product: Json) -> None:
    for name in _TEXTS:
        if params.has(name):
            product[name] = params.text(name)
    active = params.boolean("active")
    if active is not None:
        product["active"] = active
    if params.has("images"):
        product["images"] = params.texts("images", most=8)
    if params.has("marketing_features"):
        features = params.each("marketing_features")
        product["marketing_features"] = [{"name": each.needed("name")} for each in features]
    product["metadata"] = params.metadata(product["metadata"])


ROUTES = [
    Route("POST", "/v1/products", create),
    Route("GET", "/v1/products", list_all),
    Route("GET", "/v1/products/{id}", retrieve),
    Route("POST", "/v1/products/{id}", update),
    Route("DELETE", "/v1/products/{id}", delete),
]
