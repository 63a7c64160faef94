"""Whatever the file says and Stripe has: what is applied once needs nothing the second time."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_core.config import BillingConfig
from billing_core.configuration.applying import Done, apply_catalog, apply_portal, read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.difference import Action, Kind, Plan
from billing_core.configuration.portal_plan import plan_portal
from tests.configuration.fake_stripe import FakeStripe

APP_URL = "https://app.example"
KEYS = ("a_month", "a_year", "b_month", "c_month", "c_eur", "d_odd")
SLUGS = ("alpha", "beta", "gamma")

prices = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(("usd", "eur", "jpy")),
        "unit_amount": st.integers(0, 5),
        "interval": st.sampled_from(("month", "year")),
    },
    optional={
        "interval_count": st.integers(1, 3),
        "tax_behavior": st.sampled_from(("exclusive", "inclusive", "unspecified")),
        "nickname": st.sampled_from(("Old", "New")),
    },
)
products = st.fixed_dictionaries(
    {"name": st.sampled_from(("One", "Two"))},
    optional={"description": st.sampled_from(("Good", "Better"))},
)
_off = st.just({"enabled": False})
features = st.fixed_dictionaries(
    {},
    optional={
        "invoice_history": st.just({}) | _off,
        "customer_update": st.builds(
            lambda chosen: {"allowed_updates": sorted(chosen)},
            st.sets(st.sampled_from(("address", "email", "name")), min_size=1),
        )
        | _off,
        "subscription_cancel": st.sampled_from(
            (
                {},
                {"mode": "immediately", "proration_behavior": "create_prorations"},
                {"cancellation_reason": {"options": ["unused", "other"]}},
            )
        ),
        "subscription_pause": st.sampled_from(
            (
                {},
                {
                    "duration": {
                        "type": "interval_options",
                        "interval_options": [{"interval": "month"}],
                    }
                },
            )
        ),
    },
)


@st.composite
def files(draw: st.DrawFn) -> BillingConfig:
    """A file in which each lookup key is somewhere or nowhere, and portals that offer some."""
    homes = draw(st.lists(st.sampled_from((*SLUGS, None)), min_size=len(KEYS), max_size=len(KEYS)))
    catalog: dict[str, Any] = {}
    for slug in draw(st.permutations(sorted({home for home in homes if home is not None}))):
        keys = [key for key, home in zip(KEYS, homes, strict=True) if home == slug]
        catalog[slug] = {**draw(products), "prices": {key: draw(prices) for key in keys}}
    portal: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(("main", "changes")), unique=True)):
        portal[name] = {"features": dict(draw(features)), "default_return_url": "/settings"}
        switching: bool = draw(st.booleans())
        if catalog and switching:
            portal[name]["features"]["subscription_update"] = _switching(draw, catalog)
    return BillingConfig.model_validate({"catalog": catalog, "portal": portal})


def _switching(draw: st.DrawFn, catalog: dict[str, Any]) -> dict[str, Any]:
    slug = draw(st.sampled_from(sorted(catalog)))
    key = draw(st.sampled_from(sorted(catalog[slug]["prices"])))
    offered: dict[str, Any] = {"prices": [key]}
    if draw(st.booleans()):
        offered["adjustable_quantity"] = {"minimum": draw(st.integers(0, 2))}
    return {"default_allowed_updates": ["price"], "products": {slug: offered}}


def catalog_of(config: BillingConfig, stripe: FakeStripe) -> Plan:
    return plan_catalog(config, read_catalog(config, stripe))


def portal_of(config: BillingConfig, stripe: FakeStripe) -> Plan:
    seen = read_catalog(config, stripe)
    return plan_portal(config, seen, stripe.read_configurations(), app_url=APP_URL)


def bring(config: BillingConfig, stripe: FakeStripe) -> list[Done]:
    """Plan and apply the catalogue, then the portal."""
    seen = read_catalog(config, stripe)
    done = list(apply_catalog(config, plan_catalog(config, seen), seen, stripe))
    seen = read_catalog(config, stripe)
    portal = portal_of(config, stripe)
    assert portal.faults == ()
    return done + list(apply_portal(config, portal, seen, stripe))


SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOWLY
@given(history=st.lists(files(), min_size=1, max_size=4))
def test_what_was_applied_is_not_applied_again(history: list[BillingConfig]) -> None:
    stripe = FakeStripe()
    for config in history:
        bring(config, stripe)
        assert catalog_of(config, stripe).in_step
        assert portal_of(config, stripe).in_step
        written = stripe.writes
        assert bring(config, stripe) == []
        assert stripe.writes == written


@SLOWLY
@given(history=st.lists(files(), min_size=2, max_size=4))
def test_nothing_is_ever_deleted_and_no_price_is_ever_another(history: list[BillingConfig]) -> None:
    stripe = FakeStripe()
    fixed = ("currency", "unit_amount", "recurring.interval", "recurring.interval_count")
    for config in history:
        before = dict(stripe.prices)
        products = set(stripe.products)
        configurations = set(stripe.configurations)
        bring(config, stripe)
        assert products <= set(stripe.products)
        assert configurations <= set(stripe.configurations)
        for price_id, price in before.items():
            after = stripe.prices[price_id]
            assert [after.values[name] for name in fixed] == [price.values[name] for name in fixed]
            assert after.product_id == price.product_id


@SLOWLY
@given(first=files(), second=files())
def test_a_replaced_price_is_named_as_retired_and_keeps_everything_but_its_lookup_key(
    first: BillingConfig, second: BillingConfig
) -> None:
    stripe = FakeStripe()
    bring(first, stripe)
    before = dict(stripe.prices)
    plan = catalog_of(second, stripe)
    replaced = {item.name for item in plan.items if item.action is Action.REPLACE}
    done = bring(second, stripe)
    retired = {each.item.name: each.retired_id for each in done if each.retired_id is not None}
    assert set(retired) == replaced
    for key, price_id in retired.items():
        assert price_id is not None
        assert before[price_id].lookup_key == key
        assert stripe.prices[price_id].lookup_key == ""
        assert stripe.prices[price_id].values["active"] is True


@SLOWLY
@given(config=files(), stops_after=st.integers(0, 6))
def test_an_apply_that_breaks_off_goes_on_where_it_was(
    config: BillingConfig, stops_after: int
) -> None:
    stripe = FakeStripe()
    seen = read_catalog(config, stripe)
    steps = apply_catalog(config, plan_catalog(config, seen), seen, stripe)
    for _ in zip(range(stops_after), steps, strict=False):
        pass
    bring(config, stripe)
    marks = [product.mark for product in stripe.products.values()]
    assert sorted(marks, key=str) == sorted(set(config.catalog))
    assert catalog_of(config, stripe).in_step


def company(**changes: Any) -> BillingConfig:  # noqa: ANN401
    price = {"currency": "usd", "unit_amount": 4900, "interval": "month"} | changes
    return BillingConfig.model_validate(
        {
            "plans": {"pro": {"name": "Pro", "lookup_keys": ["pro_monthly"]}},
            "catalog": {"pro": {"name": "Pro", "prices": {"pro_monthly": price}}},
        }
    )


def test_products_that_were_there_before_the_file_are_taken_over_by_their_prices() -> None:
    stripe = FakeStripe()
    bring(company(), stripe)
    [product_id] = stripe.products
    stripe.products[product_id] = type(stripe.products[product_id])(
        product_id, None, {"name": "pro (old)", "active": True}
    )
    [product, price] = catalog_of(company(), stripe).items
    assert (product.action, product.stripe_id) == (Action.UPDATE, product_id)
    assert {field.name for field in product.changes} == {"name", "metadata.billing_config"}
    assert price.action is Action.NONE


def test_prices_carry_the_slug_of_their_plan() -> None:
    stripe = FakeStripe()
    bring(company(), stripe)
    [price] = stripe.prices.values()
    assert price.metadata == {"plan_slug": "pro"}


def test_a_tax_behavior_is_specified_once_and_then_takes_a_new_price() -> None:
    stripe = FakeStripe()
    bring(company(), stripe)
    [_, price] = catalog_of(company(tax_behavior="exclusive"), stripe).items
    assert price.action is Action.UPDATE
    bring(company(tax_behavior="exclusive"), stripe)
    [_, price] = catalog_of(company(tax_behavior="inclusive"), stripe).items
    assert price.action is Action.REPLACE


def test_what_the_file_leaves_out_goes_over_to_the_price_that_takes_the_key() -> None:
    stripe = FakeStripe()
    bring(company(tax_behavior="inclusive", nickname="Pro"), stripe)
    [first] = stripe.prices
    stripe.update_price(first, {"metadata.team": "growth"})
    bring(company(unit_amount=5900), stripe)
    [_, second] = stripe.prices.values()
    assert second.values["tax_behavior"] == "inclusive"
    assert second.values["nickname"] == "Pro"
    assert second.metadata == {"plan_slug": "pro", "team": "growth"}


def test_two_products_that_claim_to_be_one_are_named_and_nothing_is_guessed() -> None:
    stripe = FakeStripe()
    bring(company(), stripe)
    stripe.create_product({"name": "Pro too", "metadata.billing_config": "pro"})
    stripe.products = dict(reversed(stripe.products.items()))
    seen = read_catalog(company(), stripe)
    assert plan_catalog(company(), seen).in_step  # the other one is not even looked for
    stripe.update_price(next(iter(stripe.prices)), {"active": False})
    other = company().model_copy(
        update={"catalog": {"pro": company().catalog["pro"].model_copy(update={"prices": {}})}}
    )
    plan = plan_catalog(other, read_catalog(other, stripe))
    assert "prod_1 and prod_3" in plan.faults[0] or "prod_3 and prod_1" in plan.faults[0]


def test_a_portal_that_offers_what_stripe_does_not_have_says_which_command_comes_first() -> None:
    config = BillingConfig.model_validate(
        company().model_dump(exclude={"portal"}, exclude_none=True)
        | {
            "portal": {
                "main": {
                    "features": {
                        "subscription_update": {
                            "default_allowed_updates": ["price"],
                            "products": {"pro": {}},
                        }
                    }
                }
            }
        }
    )
    plan = portal_of(config, FakeStripe())
    assert "pro_monthly" in plan.faults[0]
    assert "billing-config catalog apply" in plan.faults[0]
    [item] = plan.items
    assert (item.kind, item.action) == (Kind.CONFIGURATION, Action.CREATE)
