"""Products, prices, lookup keys and coupons."""

from __future__ import annotations

import pytest
import stripe

from tests.sandbox.conftest import World


def test_prices_are_found_by_lookup_key_with_their_product(world: World) -> None:
    world.price("pro_monthly")
    world.price("team_monthly")
    listed = world.v1.prices.list(
        {"lookup_keys": ["pro_monthly", "nothing"], "expand": ["data.product"], "active": True}
    )
    [price] = listed.data
    assert price.lookup_key == "pro_monthly"
    assert isinstance(price.product, stripe.Product)
    assert price.product.name == "Pro_Monthly"


def test_a_lookup_key_in_use_is_refused(world: World) -> None:
    taken = world.price("pro_monthly")
    product = world.v1.products.create({"name": "Other"}).id
    with pytest.raises(stripe.InvalidRequestError, match=taken):
        world.v1.prices.create(
            {
                "product": product,
                "unit_amount": 1,
                "currency": "usd",
                "recurring": {"interval": "month"},
                "lookup_key": "pro_monthly",
            }
        )


def test_a_moved_lookup_key_is_null_on_the_old_price_and_on_those_who_still_pay_it(
    world: World,
) -> None:
    old = world.price("pro_monthly")
    subscription = world.subscription()
    new = world.v1.prices.create(
        {
            "product": str(world.v1.prices.retrieve(old).product),
            "unit_amount": 5900,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "lookup_key": "pro_monthly",
            "transfer_lookup_key": True,
        }
    )
    assert new.lookup_key == "pro_monthly"
    assert world.v1.prices.retrieve(old).lookup_key is None
    paid = world.read(subscription).items.data[0].price
    assert (paid.id, paid.lookup_key, paid.unit_amount) == (old, None, 4900)
    [moved] = world.delivered().of_type("price.updated")
    assert moved.previous == {"lookup_key": "pro_monthly"}


def test_an_inactive_price_cannot_be_subscribed_to(world: World) -> None:
    price = world.price("pro_monthly")
    world.v1.prices.update(price, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        world.subscription()


def test_a_product_with_prices_cannot_be_deleted(world: World) -> None:
    product = str(world.v1.prices.retrieve(world.price("pro_monthly")).product)
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        world.v1.products.delete(product)


def test_a_coupon_lowers_one_invoice_only(world: World) -> None:
    world.v1.coupons.create({"id": "stay", "percent_off": 50, "duration": "once"})
    subscription = world.subscription(discounts=[{"coupon": "stay"}])
    world.control.advance_past(subscription.id)
    invoices = world.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.amount_paid for invoice in invoices] == [4900, 2450]


def test_a_tax_behavior_is_specified_once(world: World) -> None:
    price = world.price("pro_monthly")
    assert world.v1.prices.update(price, {"tax_behavior": "exclusive"}).tax_behavior == "exclusive"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be changed"):
        world.v1.prices.update(price, {"tax_behavior": "inclusive"})


def test_the_products_of_portal_settings_are_left_out_unless_asked_for(open_world: World) -> None:
    portals = open_world.v1.billing_portal.configurations
    [plain] = portals.list().data
    assert "products" not in plain.features.subscription_update
    [whole] = portals.list({"expand": ["data.features.subscription_update.products"]}).data
    assert whole.features.subscription_update.products
    one = portals.retrieve(plain.id, {"expand": ["features.subscription_update.products"]})
    assert one.features.subscription_update.products == whole.features.subscription_update.products


def test_changed_portal_settings_are_told_as_events(open_world: World) -> None:
    made = open_world.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    )
    open_world.v1.billing_portal.configurations.update(made.id, {"name": "Main"})
    told = open_world.delivered()
    [created] = told.of_type("billing_portal.configuration.created")
    [updated] = told.of_type("billing_portal.configuration.updated")
    assert created.object["id"] == made.id
    assert updated.previous["name"] is None
