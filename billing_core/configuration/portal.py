"""``[portal…]``: named configurations of Stripe's customer portal, in Stripe's own words.

The first is the one that customers meet at Billing home. A feature that the file leaves out is off.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from billing_core.configuration.catalog import Catalog, CatalogPrice, LookupKey, Slug
from billing_core.configuration.section import Section

MOST_PRODUCTS = 10
Feature = Literal[
    "customer_update",
    "invoice_history",
    "payment_method_update",
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
]
CancellationReason = Literal[
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
]
_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=5000)]


class BusinessProfile(Section):
    """What the portal says about the company."""

    headline: str | None = Field(default=None, min_length=1, max_length=60)
    privacy_policy_url: _Url | None = None
    terms_of_service_url: _Url | None = None


class _Switched(Section):
    enabled: bool = True


class InvoiceHistory(_Switched):
    """Customers see, pay and download their invoices."""


class PaymentMethodUpdate(_Switched):
    """Customers change how they pay."""

    payment_method_configuration: str | None = None


class CustomerUpdate(_Switched):
    """Customers change their details."""

    allowed_updates: tuple[
        Literal["address", "email", "name", "phone", "shipping", "tax_id"], ...
    ] = ()

    @model_validator(mode="after")
    def _says_what(self) -> "CustomerUpdate":
        if self.enabled and not self.allowed_updates:
            raise ValueError("allowed_updates is empty: say what customers may change")
        return self


class CancellationReasons(_Switched):
    """Whether whoever cancels is asked why, and the answers to choose from."""

    options: tuple[CancellationReason, ...] = ()

    @model_validator(mode="after")
    def _offers_answers(self) -> "CancellationReasons":
        if self.enabled and not self.options:
            raise ValueError("options is empty: say which reasons there are to choose from")
        return self


class SubscriptionCancel(_Switched):
    """Customers cancel."""

    mode: Literal["at_period_end", "immediately"] = "at_period_end"
    proration_behavior: Literal["none", "create_prorations"] = "none"
    cancellation_reason: CancellationReasons = CancellationReasons(enabled=False)

    @model_validator(mode="after")
    def _prorates_only_at_once(self) -> "SubscriptionCancel":
        if self.mode == "at_period_end" and self.proration_behavior != "none":
            raise ValueError("proration_behavior must be none when mode is at_period_end")
        return self


class PauseInterval(Section):
    """A length of pause that customers may choose."""

    interval: Literal["day", "week", "month", "year"]
    interval_count: int = Field(default=1, ge=1)


class PauseDuration(Section):
    """How long a pause lasts: until the customer ends it, or one of some lengths."""

    type: Literal["indefinite", "interval_options"] = "indefinite"
    interval_options: tuple[PauseInterval, ...] = ()

    @model_validator(mode="after")
    def _options_fit_the_type(self) -> "PauseDuration":
        if (self.type == "interval_options") != bool(self.interval_options):
            raise ValueError("interval_options goes with the type interval_options, and only so")
        return self


class SubscriptionPause(_Switched):
    """Customers pause; Stripe lets them where the billing mode is flexible."""

    duration: PauseDuration = PauseDuration()


class AdjustableQuantity(_Switched):
    """Whether customers change the quantity, and within which bounds."""

    minimum: int = Field(default=1, ge=0)
    maximum: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> "AdjustableQuantity":
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError("maximum is less than minimum")
        return self


class OfferedProduct(Section):
    """A product that customers may switch to; by default at every price of the catalogue."""

    prices: tuple[LookupKey, ...] = ()
    adjustable_quantity: AdjustableQuantity = AdjustableQuantity(enabled=False)


class SubscriptionUpdate(_Switched):
    """Customers switch to another price, or change the quantity, of the products named."""

    default_allowed_updates: tuple[Literal["price", "promotion_code", "quantity"], ...] = ()
    products: Mapping[Slug, OfferedProduct] = Field(default={}, max_length=MOST_PRODUCTS)
    proration_behavior: Literal["always_invoice", "create_prorations", "none"] = "none"
    schedule_at_period_end: tuple[
        Literal["decreasing_item_amount", "shortening_interval"], ...
    ] = ()
    trial_update_behavior: Literal["continue_trial", "end_trial"] = "end_trial"
    billing_cycle_anchor: Literal["now", "unchanged"] | None = None

    @model_validator(mode="after")
    def _says_what_and_to_what(self) -> "SubscriptionUpdate":
        if self.enabled and not (self.default_allowed_updates and self.products):
            raise ValueError("both default_allowed_updates and products are needed")
        return self


class PortalFeatures(Section):
    """What customers may do. What is left out is off."""

    customer_update: CustomerUpdate = CustomerUpdate(enabled=False)
    invoice_history: InvoiceHistory = InvoiceHistory(enabled=False)
    payment_method_update: PaymentMethodUpdate = PaymentMethodUpdate(enabled=False)
    subscription_cancel: SubscriptionCancel = SubscriptionCancel(enabled=False)
    subscription_pause: SubscriptionPause = SubscriptionPause(enabled=False)
    subscription_update: SubscriptionUpdate = SubscriptionUpdate(enabled=False)

    def allows(self, feature: Feature) -> bool:
        """Whether the feature is on."""
        chosen: _Switched = getattr(self, feature)
        return chosen.enabled


class PortalConfiguration(Section):
    """One configuration of the portal.

    ``default_return_url`` is a path of the product, made absolute on ``APP_URL``, or a whole URL.
    """

    name: str | None = Field(default=None, min_length=1, max_length=200)
    default_return_url: str | None = None
    login_page: bool | None = None
    business_profile: BusinessProfile = BusinessProfile()
    features: PortalFeatures

    @field_validator("default_return_url")
    @classmethod
    def _path_or_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("/", "https://", "http://")):
            raise ValueError("it must be a path such as /settings/billing, or a whole URL")
        return value


Portal = Mapping[Slug, PortalConfiguration]


def first_allowing(portal: Portal, feature: Feature) -> str | None:
    """The name of the first configuration in which the feature is on."""
    return next((name for name, each in portal.items() if each.features.allows(feature)), None)


def offered_lookup_keys(product: str, offered: OfferedProduct, catalog: Catalog) -> Sequence[str]:
    """The lookup keys at which a portal offers a product of the catalogue."""
    return offered.prices or tuple(catalog[product].prices)


def check_offers(portal: Portal, catalog: Catalog) -> None:
    """Raise ValueError where a portal offers what the catalogue does not have, or Stripe refuses."""
    for name, configuration in portal.items():
        for slug, offered in configuration.features.subscription_update.products.items():
            where = f"portal.{name}.features.subscription_update.products.{slug}"
            if slug not in catalog:
                raise ValueError(f"{where}: the catalog has no product {slug!r}")
            _check_prices(where, offered_lookup_keys(slug, offered, catalog), catalog[slug].prices)


def _check_prices(where: str, keys: Sequence[str], prices: Mapping[str, CatalogPrice]) -> None:
    if not keys:
        raise ValueError(f"{where}: it has no price to offer")
    taken: dict[tuple[str, str, int], str] = {}
    for key in keys:
        if key not in prices:
            raise ValueError(f"{where}: {key!r} is no price of it in the catalog")
        price = prices[key]
        slot = (price.currency, price.interval, price.interval_count)
        if taken.setdefault(slot, key) != key:
            raise ValueError(
                f"{where}: {taken[slot]!r} and {key!r} have the same currency and interval, and"
                " Stripe offers only one of them"
            )
