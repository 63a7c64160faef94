"""A visit opens in the configuration that was applied from the file, asked for once in a while."""

from typing import Any

import pytest

from billing_core.config import BillingConfig
from billing_core.configuration import applied
from billing_core.configuration.applied import choose
from billing_core.configuration.applying import apply_catalog, apply_portal, read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.portal_plan import plan_portal
from billing_core.destinations import Flow
from billing_core.errors import BillingError
from billing_core.portal import open_portal
from billing_core.rows import OrganizationView
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.configuration import ConfigurationGateway
from billing_core.stripe_gateway.ration import ReadRation
from tests.core.stand_in import API_KEY, StandIn

APP = "https://app.example"
MONTHLY = {"currency": "eur", "unit_amount": 4900, "interval": "month"}
CONFIG = BillingConfig.model_validate(
    {
        "catalog": {
            "pro": {"name": "Pro", "prices": {"pro_monthly": MONTHLY}},
            "team": {"name": "Team", "prices": {"team_monthly": MONTHLY}},
            "solo": {"name": "Solo", "prices": {"solo_monthly": MONTHLY}},
        },
        "portal": {
            "main": {
                "features": {
                    "invoice_history": {},
                    "subscription_cancel": {},
                    "payment_method_update": {},
                }
            },
            "small": {
                "features": {
                    "subscription_update": {
                        "default_allowed_updates": ["price"],
                        "products": {"solo": {}},
                    }
                }
            },
            "changes": {
                "features": {
                    "subscription_update": {
                        "default_allowed_updates": ["price", "quantity"],
                        "products": {"pro": {}, "team": {}},
                    }
                }
            },
        },
    }
)
ALL = {"main": "bpc_main", "small": "bpc_small", "changes": "bpc_changes"}


@pytest.mark.parametrize(
    ("flow", "lookup_key", "expected"),
    [
        (None, None, "bpc_main"),
        (Flow.SUBSCRIPTION_CANCEL, None, "bpc_main"),
        (Flow.PAYMENT_METHOD_UPDATE, None, "bpc_main"),
        (Flow.SUBSCRIPTION_UPDATE, None, "bpc_small"),
        (Flow.SUBSCRIPTION_UPDATE_CONFIRM, "solo_monthly", "bpc_small"),
        (Flow.SUBSCRIPTION_UPDATE_CONFIRM, "team_monthly", "bpc_changes"),
        (Flow.SUBSCRIPTION_PAUSE, None, "bpc_main"),  # on nowhere: Stripe refuses it
    ],
)
def test_each_screen_opens_in_the_first_configuration_that_has_it(
    flow: Flow | None, lookup_key: str | None, expected: str
) -> None:
    assert choose(CONFIG, ALL, flow, lookup_key=lookup_key) == expected


def test_without_anything_applied_stripes_default_holds() -> None:
    assert choose(CONFIG, {}, Flow.SUBSCRIPTION_CANCEL) is None
    assert choose(CONFIG, {"of_another_file": "bpc_1"}) is None
    assert choose(BillingConfig(), ALL) is None


def bring(account: StandIn) -> dict[str, str]:
    """Apply the file to the account; the configurations' ids."""
    account.price("pro_monthly")
    gateway = ConfigurationGateway(API_KEY, api_base=account.url)
    seen = read_catalog(CONFIG, gateway)
    list(apply_catalog(CONFIG, plan_catalog(CONFIG, seen), seen, gateway))
    seen = read_catalog(CONFIG, gateway)
    plan = plan_portal(CONFIG, seen, (), app_url=APP)
    return {done.item.name: done.stripe_id for done in apply_portal(CONFIG, plan, seen, gateway)}


def rationed(account: StandIn) -> tuple[StripeGateway, ReadRation]:
    """A gateway whose reads can be counted."""
    ration = ReadRation(burst=100)
    return StripeGateway(API_KEY, api_base=account.url, ration=ration), ration


def used(account: StandIn) -> list[str]:
    """The configurations of the sessions that were opened, in turn."""
    listed = account.v1.events.list({"type": "billing_portal.session.created", "limit": 100})
    return [str(event.data.object["configuration"]) for event in reversed(listed.data)]


def visit(gateway: StripeGateway, view: OrganizationView, **more: Any) -> None:  # noqa: ANN401
    open_portal(view, base_url=APP, gateway=gateway, config=CONFIG, **more)


def test_visits_open_where_the_file_says_with_one_read_for_many(stripe_account: StandIn) -> None:
    ids = bring(stripe_account)
    view = stripe_account.view(stripe_account.subscribe())
    gateway, ration = rationed(stripe_account)
    visit(gateway, view)
    visit(gateway, view, flow="subscription_cancel")
    visit(gateway, view, flow="subscription_update")
    assert ration.left == 99
    visit(gateway, view, flow="subscription_update_confirm", lookup_key="team_monthly")
    assert ration.left == 98  # the price itself is looked up each time
    expected = [ids["main"], ids["main"], ids["small"], ids["changes"]]
    assert used(stripe_account) == expected


def test_a_chosen_configuration_is_used_as_it_is_and_nothing_is_asked(
    stripe_account: StandIn,
) -> None:
    ids = bring(stripe_account)
    view = stripe_account.view(stripe_account.subscribe())
    gateway, ration = rationed(stripe_account)
    visit(gateway, view, configuration_id=ids["small"])
    assert used(stripe_account) == [ids["small"]]
    assert ration.left == 100


def test_the_dashboards_portal_holds_until_something_is_applied(
    open_account: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_account.view(open_account.subscribe())
    gateway, _ = rationed(open_account)
    visit(gateway, view)
    ids = bring(open_account)
    visit(gateway, view)  # what was read a moment ago still holds
    monkeypatch.setattr(applied, "KEPT_SECONDS", 0.0)
    applied._kept.clear()  # five minutes later
    visit(gateway, view)
    [default] = open_account.v1.billing_portal.configurations.list({"is_default": True}).data
    assert used(open_account) == [default.id, default.id, ids["main"]]


def test_what_was_read_before_holds_on_while_stripe_lists_nothing(
    stripe_account: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "KEPT_SECONDS", 0.0)
    ids = bring(stripe_account)
    view = stripe_account.view(stripe_account.subscribe())
    gateway, _ = rationed(stripe_account)
    visit(gateway, view)
    stripe_account.control.fail_next(
        9, status=403, path="/v1/billing_portal/configurations", method="GET"
    )
    visit(gateway, view)
    assert used(stripe_account) == [ids["main"], ids["main"]]
    fresh, _ = rationed(stripe_account)
    with pytest.raises(BillingError):
        visit(fresh, view)
