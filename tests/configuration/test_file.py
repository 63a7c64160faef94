"""The sections ``[catalog…]`` and ``[portal…]``: what can be said, and what is refused with a place."""

from pathlib import Path

import pytest

from billing_core.config import BillingConfig, load_config
from billing_core.errors import SettingsError
from billing_core.settings import ROOT

PLANS = "[plans.pro]\nname = 'Pro'\nlookup_keys = ['pro_monthly', 'pro_yearly', 'pro_eur']\n"
CATALOG = """
[catalog.pro]
name = "Pro"
[catalog.pro.prices]
pro_monthly = { currency = "usd", unit_amount = 4900, interval = "month" }
pro_yearly = { currency = "usd", unit_amount = 49000, interval = "year" }
"""
PORTAL = "[portal.main.features]\ninvoice_history.enabled = true\n"
SWITCHING = """
[portal.main.features.subscription_update]
default_allowed_updates = ["price"]
[portal.main.features.subscription_update.products]
pro = {}
"""


def read(folder: Path, text: str) -> BillingConfig:
    path = folder / "billing.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_price_is_named_by_its_lookup_key_and_belongs_to_its_products_plan(
    tmp_path: Path,
) -> None:
    config = read(tmp_path, PLANS + CATALOG)
    assert config.catalog["pro"].prices["pro_yearly"].unit_amount == 49_000
    assert config.plan_of_product("pro") == "pro"


def test_a_product_named_like_no_plan_is_an_extra(tmp_path: Path) -> None:
    config = read(tmp_path, "[catalog.storage]\nname = 'Storage'\n")
    assert config.plan_of_product("storage") is None


def test_a_file_without_a_portal_leaves_it_to_stripe(tmp_path: Path) -> None:
    assert read(tmp_path, PLANS).portal_allows("subscription_pause") is None


def test_a_feature_that_is_not_named_is_off_and_one_that_is_named_is_on(tmp_path: Path) -> None:
    config = read(tmp_path, PORTAL + "subscription_pause = {}\n")
    assert config.portal_allows("subscription_pause") is True
    assert config.portal_allows("subscription_cancel") is False
    (tmp_path / "other").mkdir()
    assert read(tmp_path / "other", PORTAL).portal_allows("subscription_pause") is False


def test_the_projects_own_file_sells_what_its_plans_name() -> None:
    config = load_config(ROOT / "billing.toml")
    sold = {key for product in config.catalog.values() for key in product.prices}
    assert set(config.plan_by_lookup_key) <= sold
    assert config.portal_allows("subscription_cancel")
    assert config.portal_allows("subscription_update")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PLANS + CATALOG.replace("4900,", "-1,"), "catalog.pro.prices.pro_monthly.unit_amount"),
        (PLANS + CATALOG.replace("4900,", "49.5,"), "unit_amount"),
        (PLANS + CATALOG.replace('"usd"', '"USD"'), "currency"),
        (PLANS + CATALOG.replace('"month"', '"fortnight"'), "interval"),
        (CATALOG.replace('"year"', '"year", interval_count = 4') + PLANS, "at most 3"),
        (PLANS + CATALOG.replace("pro_monthly =", "pro_weekly ="), "pro_weekly"),
        (PLANS + CATALOG.replace('"Pro"', '"Pro"\nplan = "gone"'), "no plan 'gone'"),
        (PLANS + CATALOG + CATALOG.replace("catalog.pro", "catalog.more"), "'pro' and 'more'"),
        (PLANS + CATALOG.replace("catalog.pro", 'catalog."Pro!"'), "catalog.Pro!"),
        ("[portal.main]\nname = 'Main'\n", "features"),
        (PORTAL + "customer_update = {}\n", "allowed_updates"),
        (PORTAL + "customer_update.allowed_updates = ['hair']\n", "allowed_updates"),
        (PORTAL + "subscription_cancel.proration_behavior = 'create_prorations'", "at_period_end"),
        (PORTAL + "subscription_pause.duration.type = 'interval_options'", "interval_options"),
        (PORTAL + "subscription_stop = {}\n", "subscription_stop"),
        ("[portal.main]\ndefault_return_url = 'billing'\n[portal.main.features]", "path"),
        (PLANS + SWITCHING, "no product 'pro'"),
        (PLANS + CATALOG + SWITCHING.replace("= {}", "= { prices = ['nope'] }"), "'nope'"),
        (PLANS + CATALOG + SWITCHING.replace('["price"]', "[]"), "default_allowed_updates"),
        (
            PLANS
            + CATALOG.replace("pro_yearly", "pro_eur").replace('"year"', '"month"')
            + SWITCHING,
            "same currency and interval",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        read(tmp_path, text)
