"""The catalogue of the file against Stripe's: pure, so that the same plan can be shown and applied."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing_core.config import BillingConfig
from billing_core.configuration.catalog import CatalogPrice, CatalogProduct
from billing_core.configuration.difference import Action, Field, Item, Kind, Plan, Value
from billing_core.configuration.stripes_side import (
    MARK,
    PLAN_SLUG,
    SeenCatalog,
    SeenPrice,
    SeenProduct,
)

_FIXED = frozenset(
    {
        "product",
        "currency",
        "unit_amount",
        "recurring.interval",
        "recurring.interval_count",
        "recurring.usage_type",
    }
)


@dataclass(frozen=True, slots=True)
class Matched:
    """Stripe's product of each of the file's, where there is one."""

    by_slug: Mapping[str, SeenProduct]
    faults: tuple[str, ...] = ()

    def name_of(self, product_id: str) -> str:
        """The file's name of a product, else its id."""
        for slug, product in self.by_slug.items():
            if product.product_id == product_id:
                return slug
        return product_id


def lookup_keys(config: BillingConfig) -> tuple[str, ...]:
    """Every lookup key of the catalogue."""
    return tuple(key for product in config.catalog.values() for key in product.prices)


def match_products(config: BillingConfig, seen: SeenCatalog) -> Matched:
    """Find each of the file's products: by its mark, else by the first of its prices in Stripe.

    So products that were there before the file are taken over and not made a second time.
    """
    found: dict[str, SeenProduct] = {}
    faults = []
    for slug in config.catalog:
        marked = [each for each in seen.products if each.mark == slug]
        if len(marked) > 1:
            ids = " and ".join(each.product_id for each in marked)
            faults.append(
                f"catalog.{slug}: {ids} both carry the metadata {MARK}={slug}. Take it off all but"
                " one in Stripe's dashboard."
            )
        if marked:
            found[slug] = marked[0]
    by_id = {each.product_id: each for each in seen.products if each.mark is None}
    for slug, product in config.catalog.items():
        if slug in found:
            continue
        taken = {each.product_id for each in found.values()}
        for price in filter(None, map(seen.price, product.prices)):
            if price.product_id in by_id and price.product_id not in taken:
                found[slug] = by_id[price.product_id]
                break
    return Matched(found, tuple(faults))


def plan_catalog(config: BillingConfig, seen: SeenCatalog) -> Plan:
    """What it takes to bring Stripe's products and prices to what the file says."""
    matched = match_products(config, seen)
    items = []
    for slug, product in config.catalog.items():
        items.append(_product_item(slug, product, matched.by_slug.get(slug)))
        plan = config.plan_of_product(slug)
        for key, price in product.prices.items():
            values = price_values(slug, plan, price)
            items.append(_price_item(key, values, seen.price(key), matched))
    return Plan(tuple(items), matched.faults)


def product_values(slug: str, product: CatalogProduct) -> dict[str, Value]:
    """The settings of a product that the file decides about."""
    said: dict[str, Value] = {
        "name": product.name,
        "description": product.description,
        "statement_descriptor": product.statement_descriptor,
        "tax_code": product.tax_code,
        "unit_label": product.unit_label,
    }
    said |= {"active": True, f"metadata.{MARK}": slug}
    return {name: value for name, value in said.items() if value is not None}


def price_values(slug: str, plan: str | None, price: CatalogPrice) -> dict[str, Value]:
    """The settings of a price that the file decides about; its product by the file's name."""
    said: dict[str, Value] = {
        "product": slug,
        "currency": price.currency,
        "unit_amount": price.unit_amount,
        "recurring.interval": price.interval,
        "recurring.interval_count": price.interval_count,
        "recurring.usage_type": "licensed",
        "tax_behavior": price.tax_behavior,
        "nickname": price.nickname,
        "active": True,
        f"metadata.{PLAN_SLUG}": plan,
    }
    return {name: value for name, value in said.items() if value is not None}


def _product_item(slug: str, product: CatalogProduct, seen: SeenProduct | None) -> Item:
    values = product_values(slug, product)
    if seen is None:
        return Item(Kind.PRODUCT, slug, Action.CREATE, None, _fields(values, {}))
    fields = _fields(values, {**seen.values, f"metadata.{MARK}": seen.mark})
    action = Action.UPDATE if any(field.differs for field in fields) else Action.NONE
    return Item(Kind.PRODUCT, slug, action, seen.product_id, fields)


def _price_item(
    key: str, values: Mapping[str, Value], seen: SeenPrice | None, matched: Matched
) -> Item:
    if seen is None:
        return Item(Kind.PRICE, key, Action.CREATE, None, _fields(values, {}))
    there = {
        **seen.values,
        "product": matched.name_of(seen.product_id),
        f"metadata.{PLAN_SLUG}": seen.metadata.get(PLAN_SLUG),
    }
    fields = _fields(values, there)
    return Item(Kind.PRICE, key, _price_action(fields), seen.price_id, fields)


def _price_action(fields: tuple[Field, ...]) -> Action:
    changes = [field for field in fields if field.differs]
    if any(_is_fixed(field) for field in changes):
        return Action.REPLACE
    return Action.UPDATE if changes else Action.NONE


def _is_fixed(field: Field) -> bool:
    """Whether Stripe never changes it: a tax behavior may be specified once."""
    if field.name == "tax_behavior":
        return field.stripe not in ("unspecified", None)
    return field.name in _FIXED


def _fields(values: Mapping[str, Value], there: Mapping[str, Value]) -> tuple[Field, ...]:
    return tuple(Field(name, value, there.get(name)) for name, value in values.items())
