"""What the sample company sells. Lookup keys are those of the product's `billing.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.account import Account
from sandbox.portal import configuration
from sandbox.resources import prices, products
from sandbox.resources.subscription_update import FEEDBACK
from sandbox.shapes import Json, overlaid

MOVED_KEY = "pro_monthly"  # its first price is still paid by customers of that time


@dataclass(frozen=True, slots=True)
class Offer:
    """A price as the sample company lists it; the amount is in minor units."""

    lookup_key: str | None
    unit_amount: int
    currency: str
    interval: str


OFFERS = {
    "Starter": (
        Offer("starter_monthly", 1_900, "usd", "month"),
        Offer("starter_yearly", 19_000, "usd", "year"),
        Offer("starter_monthly_eur", 1_800, "eur", "month"),
        Offer("starter_monthly_jpy", 2_800, "jpy", "month"),
    ),
    "Pro": (
        Offer("pro_monthly", 3_900, "usd", "month"),
        Offer("pro_yearly", 49_000, "usd", "year"),
        Offer("pro_monthly_eur", 4_500, "eur", "month"),
        Offer("pro_yearly_eur", 45_000, "eur", "year"),
        Offer("pro_monthly_gbp", 3_900, "gbp", "month"),
        Offer("pro_monthly_jpy", 7_200, "jpy", "month"),
    ),
    "Team": (
        Offer("team_monthly", 1_200, "usd", "month"),
        Offer("team_yearly", 12_000, "usd", "year"),
        Offer("team_monthly_eur", 1_100, "eur", "month"),
        Offer("team_yearly_gbp", 9_900, "gbp", "year"),
    ),
    "Extra storage": (Offer("extra_storage_monthly", 500, "usd", "month"),),
    "Legacy 2019 deal": (Offer(None, 2_500, "usd", "month"),),
}
PRO_NOW = Offer(MOVED_KEY, 4_900, "usd", "month")
_SOLD_BY_SEAT = frozenset({"Team"})
SEAT_KEYS = frozenset(
    offer.lookup_key for name in _SOLD_BY_SEAT for offer in OFFERS[name] if offer.lookup_key
)
PLAN_KEYS = [
    offer.lookup_key
    for name in ("Starter", "Pro", "Team")
    for offer in OFFERS[name]
    if offer.lookup_key is not None
]


# The marks that `billing-config` leaves, as if it had been applied to this account.
_MARK = "billing_config"
_EXTRAS = frozenset({"Extra storage", "Legacy 2019 deal"})


@dataclass
class Catalogue:
    """The company's prices by lookup key, as they are in the account."""

    account: Account
    prices: dict[str, str]
    legacy: str
    pro: str
    team: str

    def move_key(self) -> None:
        """Raise Pro's monthly price: the lookup key moves to a new price, the old one loses it."""
        account = self.account
        price = prices.new(
            account,
            self.pro,
            PRO_NOW.unit_amount,
            PRO_NOW.currency,
            PRO_NOW.interval,
            lookup_key=MOVED_KEY,
        )
        price["metadata"] = {"plan_slug": "pro"}
        prices.claim_lookup_key(account, MOVED_KEY, price["id"], transfer=True)
        account.record(price, "price.created")
        self.prices[MOVED_KEY] = price["id"]

    def offer_switching(self) -> None:
        """Save the portal settings: the three plans can be switched to."""
        default = configuration.everything_on(self.account)
        default["is_default"] = True
        default["name"] = "Default"
        update = default["features"]["subscription_update"]
        extra = {self.account.store.get("price", self.prices[EXTRA_STORAGE])["product"]}
        update["products"] = [each for each in update["products"] if each["product"] not in extra]
        self.account.save(default)
        self._apply_portal(update["products"])

    def _apply_portal(self, offered: list[Json]) -> None:
        """What `billing-config portal apply` makes of the company's `billing.toml`."""
        main = self._configuration("main", "Billing home", "your plan and your invoices")
        features = main["features"]
        for name in ("customer_update", "payment_method_update", "subscription_cancel"):
            features[name]["enabled"] = True
        features["customer_update"]["allowed_updates"] = [
            "address",
            "email",
            "name",
            "phone",
            "tax_id",
        ]
        reason = features["subscription_cancel"]["cancellation_reason"]
        reason.update(enabled=True, options=list(FEEDBACK))
        features["subscription_pause"]["enabled"] = True
        self.account.save(main)
        changes = self._configuration("plan_changes", "Plan changes", "change your plan")
        update = changes["features"]["subscription_update"]
        update.update(
            enabled=True,
            default_allowed_updates=["price", "quantity"],
            proration_behavior="create_prorations",
            products=[_with_quantity(each, each["product"] == self.team) for each in offered],
        )
        self.account.save(changes)

    def _configuration(self, mark: str, name: str, headline: str) -> Json:
        made = configuration.new(self.account, configuration.blank_features())
        made["features"]["invoice_history"]["enabled"] = True
        return overlaid(
            made,
            {
                "name": name,
                "metadata": {_MARK: mark},
                "default_return_url": self.account.page_url("settings", "billing"),
                "business_profile": {
                    "headline": f"Northwind Cloud: {headline}",
                    "privacy_policy_url": "https://northwind.example/privacy",
                    "terms_of_service_url": "https://northwind.example/terms",
                },
            },
        )


def _with_quantity(offered: Json, adjustable: bool) -> Json:
    bounds = {"enabled": adjustable, "maximum": 1000 if adjustable else None, "minimum": 1}
    return overlaid(offered, {"adjustable_quantity": bounds})


EXTRA_STORAGE = "extra_storage_monthly"


def open_shop(account: Account) -> Catalogue:
    """Create the products and prices at the account's present moment."""
    by_key: dict[str, str] = {}
    legacy = ""
    ids: dict[str, str] = {}
    for name, offers in OFFERS.items():
        slug = name.lower().replace(" ", "_")
        product = products.new(account, name)
        product["metadata"] = {_MARK: slug} if name != "Legacy 2019 deal" else {}
        account.record(product, "product.created")
        ids[name] = product["id"]
        for offer in offers:
            price = prices.new(
                account,
                product["id"],
                offer.unit_amount,
                offer.currency,
                offer.interval,
                lookup_key=offer.lookup_key,
            )
            price["metadata"] = {} if name in _EXTRAS else {"plan_slug": slug}
            if offer.lookup_key is None:
                price["nickname"] = name
                legacy = price["id"]
            else:
                by_key[offer.lookup_key] = price["id"]
            account.record(price, "price.created")
    return Catalogue(account, by_key, legacy, ids["Pro"], ids["Team"])
