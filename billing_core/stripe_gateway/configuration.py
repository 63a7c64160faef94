"""Products, prices and portal configurations: read for a comparison, written for ``apply``.

Settings go by Stripe's names with nested parts joined by dots, both ways.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from billing_core.configuration.stripes_side import (
    MARK,
    NewPrice,
    Offer,
    SeenCatalog,
    SeenConfiguration,
    SeenPrice,
    SeenProduct,
    Values,
)
from billing_core.settings import settings
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.configuration_shapes import (
    expanded,
    nested,
    offer_params,
    seen_configuration,
    seen_price,
    seen_product,
)

# https://docs.stripe.com/api/prices/list takes so many lookup keys at once.
_KEYS_A_READ = 10
_CONFIGURATIONS = "/v1/billing_portal/configurations"
# Stripe leaves the products out of a configuration unless they are asked for.
_WITH_PRODUCTS = ["data.features.subscription_update.products"]


class ConfigurationGateway(StripeGateway):
    """Stripe's catalogue and portal configurations.

    Every method raises BillingError, and those that read UnreadableShapeError.
    """

    def read_prices(self, lookup_keys: Sequence[str]) -> SeenCatalog:
        """The prices that have these lookup keys, active or not, and those prices' products."""
        prices: list[SeenPrice] = []
        products: dict[str, SeenProduct] = {}
        for start in range(0, len(lookup_keys), _KEYS_A_READ):
            keys = list(lookup_keys[start : start + _KEYS_A_READ])
            params = {"lookup_keys": keys, "expand": ["data.product"]}
            for _, price in self._pages("/v1/prices", params):
                prices.append(seen_price(price))
                product = seen_product(expanded(price, "product"))
                products[product.product_id] = product
        return SeenCatalog(tuple(products.values()), tuple(prices))

    def read_marked_products(self) -> tuple[SeenProduct, ...]:
        """Every product that carries a mark."""
        listed = (seen_product(product) for _, product in self._pages("/v1/products", {}))
        return tuple(product for product in listed if product.mark is not None)

    def create_product(self, values: Values) -> str:
        """Make a product; its id."""
        return str(self._post("/v1/products", nested(values))["id"])

    def update_product(self, product_id: str, values: Values) -> None:
        """Change what ``values`` names."""
        self._post(f"/v1/products/{_quoted(product_id)}", nested(values))

    def create_price(self, price: NewPrice) -> str:
        """Make a price; its id."""
        params = nested(price.values) | {
            "product": price.product_id,
            "lookup_key": price.lookup_key,
        }
        if price.transfer:
            params["transfer_lookup_key"] = True
        return str(self._post("/v1/prices", params)["id"])

    def update_price(self, price_id: str, values: Values) -> None:
        """Change what ``values`` names, as far as Stripe lets a price change."""
        self._post(f"/v1/prices/{_quoted(price_id)}", nested(values))

    def read_configurations(self) -> tuple[SeenConfiguration, ...]:
        """Every portal configuration that carries a mark, active or not, the oldest first."""
        listed = self._pages(_CONFIGURATIONS, {"expand": _WITH_PRODUCTS})
        found = [
            seen_configuration(configuration)
            for _, configuration in listed
            if MARK in (configuration.get("metadata") or {})
        ]
        return tuple(reversed(found))

    def create_configuration(
        self, mark: str, values: Values, offers: Sequence[Offer] | None
    ) -> str:
        """Make a configuration that carries ``mark``; its id."""
        # A new one is active, and only a change may say so.
        told = {name: value for name, value in values.items() if name != "active" and value != ()}
        params = _configuration_params({**told, f"metadata.{MARK}": mark}, offers)
        return str(self._post(_CONFIGURATIONS, params)["id"])

    def update_configuration(
        self, configuration_id: str, values: Values, offers: Sequence[Offer] | None
    ) -> None:
        """Change what ``values`` names; ``offers`` None leaves the products as they are."""
        params = _configuration_params(values, offers)
        self._post(f"{_CONFIGURATIONS}/{_quoted(configuration_id)}", params)


def _configuration_params(values: Values, offers: Sequence[Offer] | None) -> dict[str, Any]:
    params = nested(values)
    if offers is not None:
        update = params.setdefault("features", {}).setdefault("subscription_update", {})
        update["products"] = [offer_params(offer) for offer in offers]
    return params


def _quoted(object_id: str) -> str:
    return quote(object_id, safe="")


@lru_cache(maxsize=1)
def configuration_gateway() -> ConfigurationGateway:
    """The process's gateway, from the settings. Raises SettingsError."""
    chosen = settings()
    return ConfigurationGateway(chosen.stripe_key(), api_base=chosen.stripe_api_base)
