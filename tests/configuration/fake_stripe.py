"""Stripe's catalogue and portal in memory, as strict as Stripe where it matters here."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from billing_core.configuration.difference import Value
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

_MAY_CHANGE = {"active", "nickname", "tax_behavior", "metadata"}


@dataclass
class FakeStripe:
    """Both sides that the product needs; ``writes`` counts what was made or changed."""

    products: dict[str, SeenProduct] = field(default_factory=dict)
    prices: dict[str, SeenPrice] = field(default_factory=dict)
    configurations: dict[str, SeenConfiguration] = field(default_factory=dict)
    writes: int = 0
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def read_prices(self, lookup_keys: Sequence[str]) -> SeenCatalog:
        found = [each for each in self.prices.values() if each.lookup_key in lookup_keys]
        ids = {each.product_id for each in found}
        return SeenCatalog(tuple(self.products[each] for each in sorted(ids)), tuple(found))

    def read_marked_products(self) -> tuple[SeenProduct, ...]:
        return tuple(each for each in self.products.values() if each.mark is not None)

    def create_product(self, values: Values) -> str:
        product_id = self._id("prod")
        self.products[product_id] = SeenProduct(product_id, None, {"active": True})
        self._change_product(product_id, values)
        return product_id

    def update_product(self, product_id: str, values: Values) -> None:
        self.writes += 1
        self._change_product(product_id, values)

    def _change_product(self, product_id: str, values: Values) -> None:
        old = self.products[product_id]
        rest = {name: value for name, value in values.items() if not name.startswith("metadata")}
        mark = values.get(f"metadata.{MARK}", old.mark)
        self.products[product_id] = SeenProduct(
            product_id, str(mark) if mark else None, {**old.values, **rest}
        )

    def create_price(self, price: NewPrice) -> str:
        assert price.product_id in self.products
        for holder in list(self.prices.values()):
            if holder.lookup_key == price.lookup_key:
                assert price.transfer, "Stripe refuses a lookup key in use"
                self.prices[holder.price_id] = replace(holder, lookup_key="")
        made = SeenPrice(self._id("price"), price.lookup_key, price.product_id, {}, {})
        plain, metadata = _split(price.values)
        values = {"tax_behavior": "unspecified", "active": True, **plain}
        self.prices[made.price_id] = replace(made, values=values, metadata=metadata)
        return made.price_id

    def update_price(self, price_id: str, values: Values) -> None:
        self.writes += 1
        old = self.prices[price_id]
        assert {name.partition(".")[0] for name in values} <= _MAY_CHANGE
        if "tax_behavior" in values:
            assert old.values["tax_behavior"] == "unspecified"
        plain, metadata = _split(values)
        self.prices[price_id] = replace(
            old, values={**old.values, **plain}, metadata={**old.metadata, **metadata}
        )

    def read_configurations(self) -> tuple[SeenConfiguration, ...]:
        return tuple(self.configurations.values())

    def create_configuration(
        self, mark: str, values: Values, offers: Sequence[Offer] | None
    ) -> str:
        configuration_id = self._id("bpc")
        self.configurations[configuration_id] = SeenConfiguration(
            configuration_id, mark, active=True, values={}
        )
        self._configure(configuration_id, values, offers)
        return configuration_id

    def update_configuration(
        self, configuration_id: str, values: Values, offers: Sequence[Offer] | None
    ) -> None:
        self.writes += 1
        self._configure(configuration_id, values, offers)

    def _configure(
        self, configuration_id: str, values: Values, offers: Sequence[Offer] | None
    ) -> None:
        old = self.configurations[configuration_id]
        for offer in offers or ():
            assert all(self.prices[each].product_id == offer.product_id for each in offer.price_ids)
        self.configurations[configuration_id] = replace(
            old,
            values={**old.values, **values},
            active=values.get("active", old.active) is True,
            offers=tuple(offers) if offers is not None else old.offers,
        )

    def _id(self, kind: str) -> str:
        self.writes += 1
        return f"{kind}_{next(self.numbers)}"


def _split(values: Values) -> tuple[dict[str, Value], dict[str, str]]:
    plain = {name: value for name, value in values.items() if not name.startswith("metadata.")}
    metadata = {
        name.removeprefix("metadata."): str(value)
        for name, value in values.items()
        if name.startswith("metadata.")
    }
    return plain, metadata
