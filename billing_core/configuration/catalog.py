"""``[catalog…]``: the products and prices that Stripe is to have, prices by lookup key.

What the file leaves out stays as it is in Stripe, and nothing is ever deleted.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from billing_core.configuration.section import Section

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
LookupKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]
# A period longer than three years is refused: https://docs.stripe.com/api/prices/create
_MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}


class CatalogPrice(Section):
    """A recurring price per unit. ``unit_amount`` is in the currency's minor units.

    Stripe never changes a price's amount, currency or interval, nor a tax behavior once it is
    specified: a change of these makes a new price.
    """

    currency: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
    unit_amount: int = Field(ge=0, le=99_999_999_999)
    interval: Literal["day", "week", "month", "year"]
    interval_count: int = Field(default=1, ge=1)
    tax_behavior: Literal["exclusive", "inclusive", "unspecified"] | None = None
    nickname: str | None = Field(default=None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _not_longer_than_three_years(self) -> "CatalogPrice":
        most = _MOST_INTERVALS[self.interval]
        if self.interval_count > most:
            raise ValueError(f"Stripe allows at most {most} for the interval {self.interval}")
        return self


class CatalogProduct(Section):
    """A product and its prices by lookup key.

    ``plan`` is the plan that its prices are for; by default the one named like the product.
    """

    name: str = Field(min_length=1, max_length=250)
    plan: str | None = None
    description: str | None = Field(default=None, min_length=1)
    statement_descriptor: str | None = Field(default=None, min_length=1, max_length=22)
    tax_code: str | None = Field(default=None, min_length=1)
    unit_label: str | None = Field(default=None, min_length=1, max_length=12)
    prices: Mapping[LookupKey, CatalogPrice] = {}


Catalog = Mapping[Slug, CatalogProduct]


def product_by_lookup_key(catalog: Catalog) -> dict[str, str]:
    """Each lookup key's product. Raises ValueError where two products claim one."""
    found: dict[str, str] = {}
    for slug, product in catalog.items():
        for key in product.prices:
            if found.setdefault(key, slug) != slug:
                raise ValueError(f"{key!r} is a price of both {found[key]!r} and {slug!r}")
    return found
