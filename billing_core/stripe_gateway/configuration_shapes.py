"""Stripe's products, prices and portal configurations, to and from settings with dotted names."""

from collections.abc import Iterator, Mapping
from typing import Any

from billing_core.configuration.difference import Value
from billing_core.configuration.portal_values import PAUSE_OPTIONS, PRODUCTS, SCHEDULING
from billing_core.configuration.stripes_side import (
    MARK,
    Offer,
    SeenConfiguration,
    SeenPrice,
    SeenProduct,
    Values,
)
from billing_core.errors import UnreadableShapeError
from billing_core.stripe_gateway.shapes import Json, identifier, reference

_PRODUCT = ("name", "description", "statement_descriptor", "tax_code", "unit_label", "active")
_PRICE = (
    "currency",
    "unit_amount",
    "recurring.interval",
    "recurring.interval_count",
    "recurring.usage_type",
    "tax_behavior",
    "nickname",
    "active",
)
_CONFIGURATION = ("name", "default_return_url", "login_page", "business_profile", "features")


def seen_product(obj: Json) -> SeenProduct:
    """Read a product. Raises UnreadableShapeError for one without an id."""
    values = dict(_flat(obj))
    return SeenProduct(
        product_id=identifier(obj, "the product"),
        mark=_metadata(obj).get(MARK),
        values={name: values.get(name) for name in _PRODUCT},
    )


def seen_price(obj: Json) -> SeenPrice:
    """Read a price that has a lookup key. Raises UnreadableShapeError for one without an id."""
    values = dict(_flat(obj))
    return SeenPrice(
        price_id=identifier(obj, "the price"),
        lookup_key=str(obj.get("lookup_key") or ""),
        product_id=reference(obj, "product") or "",
        values={name: values.get(name) for name in _PRICE},
        metadata=_metadata(obj),
    )


def seen_configuration(obj: Json) -> SeenConfiguration:
    """Read a portal configuration. Raises UnreadableShapeError for one without an id."""
    update = (obj.get("features") or {}).get("subscription_update") or {}
    settings = _flat({name: obj.get(name) for name in _CONFIGURATION})
    return SeenConfiguration(
        configuration_id=identifier(obj, "the portal configuration"),
        mark=_metadata(obj).get(MARK, ""),
        active=obj.get("active") is True,
        values={name: value for name, value in settings if name != PRODUCTS},
        offers=tuple(_offer(each) for each in update.get("products") or ()),
    )


def expanded(obj: Json, name: str) -> Json:
    """The object that was asked for along with ``obj``. Raises UnreadableShapeError."""
    value = obj.get(name)
    if not isinstance(value, Mapping):
        raise UnreadableShapeError(f"{name} was not expanded")
    return value


def nested(values: Values) -> dict[str, Any]:
    """Settings as the parameters of a request; what is empty is told so, which unsets it."""
    params: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = name.split(".", 1) if name.startswith("metadata.") else name.split(".")
        here = params
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = _param(name, value)
    return params


def offer_params(offer: Offer) -> dict[str, Any]:
    """An offer as a request states it."""
    quantity: dict[str, Any] = {"enabled": offer.adjustable}
    if offer.adjustable:
        quantity |= {"minimum": offer.minimum, "maximum": offer.maximum}
    return {
        "product": offer.product_id,
        "prices": list(offer.price_ids),
        "adjustable_quantity": {
            name: value for name, value in quantity.items() if value is not None
        },
    }


def _param(name: str, value: Value) -> Any:  # noqa: ANN401 - whatever Stripe takes there
    if value is None or value == ():
        return ""
    if not isinstance(value, tuple):
        return value
    if name == PAUSE_OPTIONS:
        pairs = (each.split() for each in value)
        return [{"interval_count": int(count), "interval": unit} for count, unit in pairs]
    return [{"type": each} for each in value] if name == SCHEDULING else list(value)


def _flat(obj: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Value]]:
    """Every setting below ``obj``; a list of objects as a list of what is told of them."""
    for key, value in obj.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list):
            yield name, tuple(sorted(_word(each) for each in value))
        elif value is None or isinstance(value, str | int):
            yield name, value


def _word(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    if "interval" in value:
        return f"{value.get('interval_count') or 1} {value['interval']}"
    return str(value.get("type", ""))


def _offer(obj: Mapping[str, Any]) -> Offer:
    quantity = obj.get("adjustable_quantity") or {}
    return Offer(
        product_id=reference(obj, "product") or "",
        price_ids=tuple(str(each) for each in obj.get("prices") or ()),
        adjustable=quantity.get("enabled") is True,
        minimum=quantity.get("minimum"),
        maximum=quantity.get("maximum"),
    )


def _metadata(obj: Json) -> Mapping[str, str]:
    return {str(key): str(text) for key, text in (obj.get("metadata") or {}).items()}
