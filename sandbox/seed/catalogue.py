"""What the sample company sells. Lookup keys are those of the product's `billing.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.account import Account
from sandbox.portal import configuration
from sandbox.resources import prices, products

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


@dataclass
class Catalogue:
    """The company's prices by lookup key, as they are in the account."""

    account: Account
    prices: dict[str, str]
    legacy: str
    pro: str

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


EXTRA_STORAGE = "extra_storage_monthly"


def open_shop(account: Account) -> Catalogue:
    """Create the products and prices at the account's present moment."""
    by_key: dict[str, str] = {}
    legacy = pro = ""
    for name, offers in OFFERS.items():
        product = account.record(products.new(account, name), "product.created")
        if name == "Pro":
            pro = product["id"]
        for offer in offers:
            price = prices.new(
                account,
                product["id"],
                offer.unit_amount,
                offer.currency,
                offer.interval,
                lookup_key=offer.lookup_key,
            )
            if offer.lookup_key is None:
                price["nickname"] = name
                legacy = price["id"]
            else:
                by_key[offer.lookup_key] = price["id"]
            account.record(price, "price.created")
    return Catalogue(account, by_key, legacy, pro)
