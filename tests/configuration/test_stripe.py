"""The configuration brought to the stand-in Stripe by the real client."""

from contextlib import closing

from billing_core.configuration.applying import apply_catalog, read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.difference import Action
from sandbox.control import SandboxControl
from tests.configuration.account import Account


def test_an_empty_account_is_brought_to_the_file_once(account: Account) -> None:
    assert {item.action for item in account.catalog_plan().items} == {Action.CREATE}
    made = account.apply()
    assert len(made) == len(set(made)) == 4 + 15 + 2
    assert account.catalog_plan().in_step
    assert account.portal_plan().in_step
    assert account.apply() == []


def test_the_sample_company_is_as_the_file_says(account: Account) -> None:
    with closing(SandboxControl(account.url)) as control:
        control.seed()
    assert account.catalog_plan().pending == ()
    assert account.portal_plan().pending == ()


def test_a_raised_price_takes_the_lookup_key_and_the_portal_offers_it_next(
    account: Account,
) -> None:
    account.apply()
    [old] = account.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    raised = account.at_price(5900)
    assert account.portal_plan(raised).in_step
    seen = read_catalog(raised, account.gateway)
    plan = plan_catalog(raised, seen)
    [done] = apply_catalog(raised, plan, seen, account.gateway)
    assert done.retired_id == old.id
    kept = account.v1.prices.retrieve(old.id)
    assert (kept.lookup_key, kept.active, kept.unit_amount) == (None, True, 4900)
    [new] = account.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    assert (new.id, new.unit_amount) == (done.stripe_id, 5900)
    [changed] = account.portal_plan(raised).pending
    [field] = changed.changes
    assert field.name == "features.subscription_update.products.pro"
    assert old.id in (field.stripe if isinstance(field.stripe, tuple) else ())
    account.apply(raised)
    assert account.portal_plan(raised).in_step


def test_what_somebody_changed_in_the_dashboard_shows_and_is_set_right(account: Account) -> None:
    account.apply()
    found = {each.mark: each.configuration_id for each in account.gateway.read_configurations()}
    account.v1.billing_portal.configurations.update(
        found["main"],
        {
            "features": {
                "subscription_cancel": {"enabled": True, "mode": "immediately"},
                "customer_update": {"enabled": True, "allowed_updates": ["email"]},
            },
            "business_profile": {"headline": "Hello"},
        },
    )
    [item] = account.portal_plan().pending
    assert {field.name: field.stripe for field in item.changes} == {
        "business_profile.headline": "Hello",
        "features.customer_update.allowed_updates": ("email",),
        "features.subscription_cancel.mode": "immediately",
    }
    assert account.apply() == [found["main"]]
    assert account.portal_plan().in_step


def test_a_configuration_that_was_switched_off_is_switched_on_again(account: Account) -> None:
    account.apply()
    found = {each.mark: each.configuration_id for each in account.gateway.read_configurations()}
    account.v1.billing_portal.configurations.update(found["plan_changes"], {"active": False})
    assert account.apply() == [found["plan_changes"]]
    assert account.v1.billing_portal.configurations.retrieve(found["plan_changes"]).active


def test_configurations_of_others_are_left_alone(account: Account) -> None:
    theirs = account.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}, "metadata": {"made_by": "somebody"}}
    )
    account.apply()
    assert theirs.id not in {
        each.configuration_id for each in account.gateway.read_configurations()
    }
    assert account.v1.billing_portal.configurations.retrieve(theirs.id).updated == theirs.updated
