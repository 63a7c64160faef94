"""Stripe's side of the comparison: what was seen there, and what can be done there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from billing_core.configuration.difference import Value

# The metadata by which products and portal configurations are found again.
MARK = "billing_config"
PLAN_SLUG = "plan_slug"
Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class SeenProduct:
    """A product. ``mark`` is the file's name for it, where an earlier run has left it."""

    product_id: str
    mark: str | None
    values: Values


@dataclass(frozen=True, slots=True)
class SeenPrice:
    """The price that has ``lookup_key`` now, active or not."""

    price_id: str
    lookup_key: str
    product_id: str
    values: Values
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeenCatalog:
    """The prices under the file's lookup keys, and the products that could be the file's."""

    products: tuple[SeenProduct, ...] = ()
    prices: tuple[SeenPrice, ...] = ()

    def price(self, lookup_key: str) -> SeenPrice | None:
        """The price that has the lookup key."""
        return next((each for each in self.prices if each.lookup_key == lookup_key), None)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product that a portal lets customers switch to, by Stripe's ids.

    ``minimum`` and ``maximum`` bound the quantity where it is ``adjustable``.
    """

    product_id: str
    price_ids: tuple[str, ...]
    adjustable: bool = False
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class SeenConfiguration:
    """A portal configuration that an earlier run has left its ``mark`` on."""

    configuration_id: str
    mark: str
    active: bool
    values: Values
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to be made; ``transfer`` takes the lookup key from the price that has it."""

    lookup_key: str
    product_id: str
    values: Values
    transfer: bool = False


class CatalogSide(Protocol):
    """What the catalogue needs of Stripe. Each method raises BillingError."""

    def read_prices(self, lookup_keys: Sequence[str]) -> SeenCatalog:
        """The prices that have these lookup keys, and those prices' products."""
        ...

    def read_marked_products(self) -> tuple[SeenProduct, ...]:
        """Every product that carries a mark."""
        ...

    def create_product(self, values: Values) -> str:
        """Make a product; its id."""
        ...

    def update_product(self, product_id: str, values: Values) -> None:
        """Change what ``values`` names."""
        ...

    def create_price(self, price: NewPrice) -> str:
        """Make a price; its id."""
        ...

    def update_price(self, price_id: str, values: Values) -> None:
        """Change what ``values`` names, as far as Stripe lets a price change."""
        ...


class PortalSide(Protocol):
    """What the portal needs of Stripe. Each method raises BillingError."""

    def read_configurations(self) -> tuple[SeenConfiguration, ...]:
        """Every portal configuration that carries a mark, active or not, the oldest first."""
        ...

    def create_configuration(
        self, mark: str, values: Values, offers: Sequence[Offer] | None
    ) -> str:
        """Make a configuration that carries ``mark``; its id."""
        ...

    def update_configuration(
        self, configuration_id: str, values: Values, offers: Sequence[Offer] | None
    ) -> None:
        """Change what ``values`` names; ``offers`` None leaves the products as they are."""
        ...
