"""Settings with dotted names become a request's parameters, and Stripe's objects become settings."""

import pytest

from billing_core.config import BillingConfig
from billing_core.configuration.portal_plan import plan_portal
from billing_core.configuration.stripes_side import SeenCatalog
from billing_core.errors import UnreadableShapeError
from billing_core.stripe_gateway.configuration_shapes import (
    expanded,
    nested,
    seen_configuration,
    seen_product,
)

PAUSES = "features.subscription_pause.duration.interval_options"
CONDITIONS = "features.subscription_update.schedule_at_period_end.conditions"


def test_what_is_empty_is_sent_so_that_it_is_unset() -> None:
    assert nested({"description": None, "a.b": (), "a.c": False, "a.d": 0}) == {
        "description": "",
        "a": {"b": "", "c": False, "d": 0},
    }


def test_a_key_of_metadata_may_have_dots() -> None:
    assert nested({"metadata.team.name": "growth"}) == {"metadata": {"team.name": "growth"}}


def test_lists_of_objects_go_there_and_back() -> None:
    params = nested({PAUSES: ("1 month", "2 week"), CONDITIONS: ("shortening_interval",)})
    configuration = {"id": "bpc_1", "metadata": {"billing_config": "main"}, **params}
    seen = seen_configuration(configuration)
    assert seen.values[PAUSES] == ("1 month", "2 week")
    assert seen.values[CONDITIONS] == ("shortening_interval",)


def test_what_stripe_leaves_out_of_a_configuration_is_off() -> None:
    config = BillingConfig.model_validate(
        {"portal": {"main": {"features": {"subscription_cancel": {}}}}}
    )
    seen = seen_configuration(
        {
            "id": "bpc_1",
            "active": True,
            "metadata": {"billing_config": "main"},
            "features": {
                "subscription_cancel": {
                    "enabled": True,
                    "mode": "at_period_end",
                    "proration_behavior": "none",
                }
            },
        }
    )
    plan = plan_portal(config, SeenCatalog(), [seen], app_url="https://app.example")
    assert plan.in_step


def test_what_cannot_be_understood_is_named() -> None:
    with pytest.raises(UnreadableShapeError, match="the product has no usable id"):
        seen_product({"name": "Pro"})
    with pytest.raises(UnreadableShapeError, match="product was not expanded"):
        expanded({"product": "prod_1"}, "product")
