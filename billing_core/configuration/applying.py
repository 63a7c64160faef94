"""Bringing Stripe to what the file says, one item after the other.

Each step is told as it is done. Where one fails, what was done before stays and the next run goes on
from there: nothing is done twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from billing_core.config import BillingConfig
from billing_core.configuration.catalog_plan import lookup_keys, match_products
from billing_core.configuration.difference import Action, Item, Kind, Plan, Value
from billing_core.configuration.portal_plan import offers
from billing_core.configuration.portal_values import PRODUCTS
from billing_core.configuration.stripes_side import (
    CatalogSide,
    NewPrice,
    PortalSide,
    SeenCatalog,
    SeenPrice,
)

# Carried over to the price that takes a lookup key, where the file says nothing about them.
_CARRIED = ("tax_behavior", "nickname")


@dataclass(frozen=True, slots=True)
class Done:
    """One item that is now as the file says. ``retired_id`` is the price that lost its lookup key."""

    item: Item
    stripe_id: str
    retired_id: str | None = None


def read_catalog(config: BillingConfig, side: CatalogSide) -> SeenCatalog:
    """What Stripe has of the file's catalogue. Raises BillingError.

    One read for ten lookup keys; only where a product is not found by its prices are all listed.
    """
    seen = side.read_prices(lookup_keys(config))
    marks = {product.mark for product in seen.products}
    if all(slug in marks for slug in config.catalog):
        return seen
    known = {product.product_id for product in seen.products}
    more = [each for each in side.read_marked_products() if each.product_id not in known]
    return SeenCatalog((*seen.products, *more), seen.prices)


def apply_catalog(
    config: BillingConfig, plan: Plan, seen: SeenCatalog, side: CatalogSide
) -> Iterator[Done]:
    """Carry out a plan that has no faults; products before their prices. Raises BillingError."""
    matched = match_products(config, seen)
    product_ids = {slug: product.product_id for slug, product in matched.by_slug.items()}
    for item in plan.pending:
        if item.kind is Kind.PRODUCT:
            product_ids[item.name] = _apply_product(item, side)
            yield Done(item, product_ids[item.name])
        else:
            yield _apply_price(item, product_ids, seen.price(item.name), side)


def apply_portal(
    config: BillingConfig, plan: Plan, catalog: SeenCatalog, side: PortalSide
) -> Iterator[Done]:
    """Carry out a plan that has no faults. Raises BillingError."""
    for item in plan.pending:
        wanted = offers(config, config.portal[item.name], catalog)
        if item.stripe_id is None:
            made = side.create_configuration(item.name, _settings(item, everything=True), wanted)
            yield Done(item, made)
            continue
        touched = {_part(field.name) for field in item.changes}
        values = {
            field.name: field.file
            for field in item.fields
            if _part(field.name) in touched and not field.name.startswith(PRODUCTS)
        }
        switching = _part(PRODUCTS) in touched
        side.update_configuration(item.stripe_id, values, wanted if switching else None)
        yield Done(item, item.stripe_id)


def _part(name: str) -> str:
    """What Stripe wants whole: a feature, or a setting outside of the features."""
    feature, _, rest = name.removeprefix("features.").partition(".")
    return feature if rest and name.startswith("features.") else name


def _apply_product(item: Item, side: CatalogSide) -> str:
    if item.stripe_id is None:
        return side.create_product(_settings(item, everything=True))
    side.update_product(item.stripe_id, _settings(item))
    return item.stripe_id


def _apply_price(
    item: Item, product_ids: dict[str, str], old: SeenPrice | None, side: CatalogSide
) -> Done:
    if item.action is Action.UPDATE and item.stripe_id is not None:
        side.update_price(item.stripe_id, _settings(item))
        return Done(item, item.stripe_id)
    values = _settings(item, everything=True)
    product_id = product_ids[str(values.pop("product"))]
    if old is not None:
        carried: dict[str, Value] = {f"metadata.{key}": text for key, text in old.metadata.items()}
        carried |= {name: old.values.get(name) for name in _CARRIED}
        values = {name: value for name, value in (carried | values).items() if value is not None}
    new = NewPrice(item.name, product_id, values, transfer=old is not None)
    return Done(item, side.create_price(new), old.price_id if old is not None else None)


def _settings(item: Item, *, everything: bool = False) -> dict[str, Value]:
    """What is to be sent: what differs, or all that the file says."""
    return {
        field.name: field.file
        for field in (item.fields if everything else item.changes)
        if not field.name.startswith(PRODUCTS)
    }
