"""The file's portal configurations against Stripe's: pure, like the catalogue's plan."""

from collections.abc import Mapping, Sequence

from billing_core.config import BillingConfig
from billing_core.configuration.catalog_plan import Matched, match_products
from billing_core.configuration.difference import Action, Field, Item, Kind, Plan, Value
from billing_core.configuration.portal import (
    OfferedProduct,
    PortalConfiguration,
    SubscriptionUpdate,
    offered_lookup_keys,
)
from billing_core.configuration.portal_values import PRODUCTS, configuration_values
from billing_core.configuration.stripes_side import Offer, SeenCatalog, SeenConfiguration


def plan_portal(
    config: BillingConfig,
    catalog: SeenCatalog,
    configurations: Sequence[SeenConfiguration],
    *,
    app_url: str,
) -> Plan:
    """What it takes to bring Stripe's portal configurations to what the file says.

    ``app_url`` is what return paths are made absolute with. Raises BillingError for a path that
    would leave it.
    """
    matched = match_products(config, catalog)
    items, faults = [], list(matched.faults)
    for name, configuration in config.portal.items():
        claiming = [each for each in configurations if each.mark == name]
        active = [each for each in claiming if each.active]
        if len(active) > 1:
            ids = " and ".join(each.configuration_id for each in active)
            faults.append(
                f"portal.{name}: {ids} both claim to be it. Deactivate all but one in Stripe."
            )
        faults += _missing(config, name, catalog, matched)
        seen = next(iter(active or claiming), None)
        values = configuration_values(configuration, app_url=app_url)
        items.append(_item(config, name, values, seen, catalog, matched))
    return Plan(tuple(items), tuple(faults))


def offers(
    config: BillingConfig, configuration: PortalConfiguration, catalog: SeenCatalog
) -> tuple[Offer, ...] | None:
    """The products that a configuration offers, by Stripe's ids; None where switching is off.

    What Stripe does not have yet is left out.
    """
    update = configuration.features.subscription_update
    if not update.enabled:
        return None
    matched = match_products(config, catalog)
    found = []
    for slug, offered in update.products.items():
        product = matched.by_slug.get(slug)
        keys = offered_lookup_keys(slug, offered, config.catalog)
        prices = [price.price_id for price in map(catalog.price, keys) if price is not None]
        if product is not None and prices:
            quantity = offered.adjustable_quantity
            found.append(
                Offer(
                    product.product_id,
                    tuple(prices),
                    quantity.enabled,
                    quantity.minimum if quantity.enabled else None,
                    quantity.maximum if quantity.enabled else None,
                )
            )
    return tuple(found)


def _missing(config: BillingConfig, name: str, catalog: SeenCatalog, matched: Matched) -> list[str]:
    update = config.portal[name].features.subscription_update
    lacking = [
        key
        for slug, offered in update.products.items()
        for key in offered_lookup_keys(slug, offered, config.catalog)
        if not _is_there(catalog, matched, slug, key)
    ]
    if not update.enabled or not lacking:
        return []
    fault = (
        f"portal.{name} offers {', '.join(lacking)}, which Stripe does not have as the file says."
        " Run `billing-config catalog apply` first."
    )
    return [fault]


def _is_there(catalog: SeenCatalog, matched: Matched, slug: str, key: str) -> bool:
    price = catalog.price(key)
    return (
        price is not None
        and price.values.get("active") is True
        and matched.name_of(price.product_id) == slug
    )


def _item(
    config: BillingConfig,
    name: str,
    values: Mapping[str, Value],
    seen: SeenConfiguration | None,
    catalog: SeenCatalog,
    matched: Matched,
) -> Item:
    update = config.portal[name].features.subscription_update
    wanted = {**values, **(_wanted_offers(config, update) if update.enabled else {})}
    if seen is None:
        fields = tuple(Field(each, value, None) for each, value in wanted.items())
        return Item(Kind.CONFIGURATION, name, Action.CREATE, None, fields)
    there = {**seen.values, "active": seen.active}
    if update.enabled:
        there |= _seen_offers(seen.offers, catalog, matched, update)
    extra = {each: None for each in there if each.startswith(PRODUCTS) and each not in wanted}
    fields = tuple(
        Field(each, value, _known(each, value, there.get(each)))
        for each, value in {**wanted, **extra}.items()
    )
    action = Action.UPDATE if any(field.differs for field in fields) else Action.NONE
    return Item(Kind.CONFIGURATION, name, action, seen.configuration_id, fields)


def _known(name: str, wanted: Value, seen: Value) -> Value:
    """What Stripe leaves out of a configuration is off, or an empty list."""
    if seen is not None:
        return seen
    if name.endswith(".enabled"):
        return False
    return () if isinstance(wanted, tuple) and not name.startswith(PRODUCTS) else None


def _wanted_offers(config: BillingConfig, update: SubscriptionUpdate) -> dict[str, Value]:
    told: dict[str, Value] = {}
    for slug, offered in update.products.items():
        told[f"{PRODUCTS}.{slug}"] = tuple(
            sorted(offered_lookup_keys(slug, offered, config.catalog))
        )
        quantity = offered.adjustable_quantity
        told[f"{PRODUCTS}.{slug}.quantity"] = _quantity(
            quantity.enabled, quantity.minimum, quantity.maximum
        )
    return told


def _seen_offers(
    seen: Sequence[Offer], catalog: SeenCatalog, matched: Matched, update: SubscriptionUpdate
) -> dict[str, Value]:
    keys = {price.price_id: price.lookup_key for price in catalog.prices}
    told: dict[str, Value] = {}
    for offer in seen:
        slug = matched.name_of(offer.product_id)
        told[f"{PRODUCTS}.{slug}"] = tuple(sorted(keys.get(each, each) for each in offer.price_ids))
        # A maximum that the file leaves out is whatever Stripe makes of it.
        limited = update.products.get(slug, OfferedProduct()).adjustable_quantity.maximum
        maximum = offer.maximum if limited is not None else None
        told[f"{PRODUCTS}.{slug}.quantity"] = _quantity(offer.adjustable, offer.minimum, maximum)
    return told


def _quantity(adjustable: bool, minimum: int | None, maximum: int | None) -> str:
    if not adjustable:
        return "fixed"
    return f"{minimum or 0} or more" if maximum is None else f"{minimum or 0} to {maximum}"
