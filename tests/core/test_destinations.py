"""Where a customer can be sent, and what is said where not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from billing_core import queries
from billing_core.config import BillingConfig
from billing_core.configuration.portal import InvoiceHistory, PortalConfiguration, PortalFeatures
from billing_core.destinations import Destination, Flow
from billing_core.errors import BillingErrorCode
from billing_core.obstacles import confirmable, features_of, obstacle
from billing_core.possible_destinations import destinations_for
from billing_core.rows import OrganizationView, PriceChoice
from tests.core.company import CONFIG, START, Company, customer, price, subscription


def view_of(company: Company, org_id: str = "org_acme") -> OrganizationView:
    with company.reader.connect() as connection:
        view = queries.organization(connection, org_id, config=CONFIG)
    assert view is not None
    return view


def by_name(view: OrganizationView, subscription_id: str | None = None) -> dict[str, Destination]:
    found = destinations_for(view, subscription_id=subscription_id)
    return {destination.name: destination for destination in found}


def test_a_live_subscription_can_be_canceled_switched_and_paid_for(company: Company) -> None:
    company.subscribe("org_acme")
    found = destinations_for(view_of(company))
    assert [(d.name, d.flow, d.enabled) for d in found] == [
        ("Cancel subscription", Flow.SUBSCRIPTION_CANCEL, True),
        ("Switch plan", Flow.SUBSCRIPTION_UPDATE, True),
        ("Confirm plan change", Flow.SUBSCRIPTION_UPDATE_CONFIRM, True),
        ("Pause subscription", Flow.SUBSCRIPTION_PAUSE, False),
        ("Update payment method", Flow.PAYMENT_METHOD_UPDATE, True),
        ("Update billing details", Flow.CUSTOMER_UPDATE, True),
        ("Billing home", None, True),
        ("Checkout", None, False),
    ]
    assert {each.subscription_id for each in found[:4]} == {"sub_acme"}
    assert {each.subscription_id for each in found[4:]} == {None}
    assert found[-1].explanation == "There is a subscription already: use Switch plan to change it."


@pytest.mark.parametrize(
    "changes",
    [
        {"cancel_at": int((START + timedelta(days=74)).timestamp())},
        {"cancel_at_period_end": True, "cancel_at": int((START + timedelta(days=74)).timestamp())},
    ],
    ids=["flexible", "classic"],
)
def test_what_is_set_to_end_is_led_to_billing_home(
    company: Company, changes: dict[str, object]
) -> None:
    company.change(company.subscribe("org_acme"), **changes)
    found = by_name(view_of(company))
    assert found["Cancel subscription"].explanation == (
        "Already set to end on 14 August 2026: send them to Billing home to undo it."
    )
    assert not found["Cancel subscription"].enabled
    assert not found["Switch plan"].enabled
    assert found["Billing home"].enabled
    assert "undo the end on 14 August 2026" in found["Billing home"].explanation


def test_of_an_end_that_is_due_and_unreported_nobody_is_told_that_it_can_be_undone(
    company: Company,
) -> None:
    """Stripe may have ended it, and the portal of an ended subscription shows invoices alone."""
    ends_at = START + timedelta(days=74)
    company.change(company.subscribe("org_acme"), cancel_at=int(ends_at.timestamp()))
    view = view_of(company)
    now = ends_at + timedelta(seconds=1)
    found = {each.name: each for each in destinations_for(view, now=now)}
    for name in ("Cancel subscription", "Switch plan", "Confirm plan change"):
        assert not found[name].enabled
        assert found[name].explanation == (
            "Was to end on 14 August 2026, and Stripe has reported no end: ask operations to"
            " reconcile. What has ended can be neither undone nor changed."
        )
    assert found["Billing home"].enabled
    assert found["Billing home"].explanation == (
        "The customer sees invoices. The end on 14 August 2026 can be undone only if Stripe has"
        " not ended the subscription yet."
    )
    assert destinations_for(view, now=ends_at) == destinations_for(view)


def choice(lookup_key: str, currency: str | None = "eur") -> PriceChoice:
    price_id = f"price_{lookup_key}" if currency else None
    return PriceChoice(lookup_key, "pro", "Pro", price_id, 4900, currency, "month", 1)


def test_a_change_is_offered_to_prices_in_the_customers_own_currency(company: Company) -> None:
    """The present price is among them, for another quantity; one that Stripe lacks is not."""
    company.subscribe("org_acme")
    view = view_of(company)
    prices = [choice("pro_monthly"), choice("team_monthly"), choice("team_usd", "usd")]
    offered = confirmable(view.deciding, [*prices, choice("team_gone", None)])
    assert [each.lookup_key for each in offered] == ["pro_monthly", "team_monthly"]
    assert confirmable(None, prices) == ()
    only_dollars = destinations_for(view, prices=[choice("team_usd", "usd")])
    confirm = next(each for each in only_dollars if each.name == "Confirm plan change")
    assert not confirm.enabled
    assert "no price in the currency that the customer pays in" in confirm.explanation


@pytest.mark.parametrize(
    ("mode", "status", "features", "says"),
    [
        ("flexible", "active", ["subscription_pause"], "can resume it later"),
        ("classic", "active", ["subscription_pause"], "in flexible billing mode only"),
        ("flexible", "paused", ["subscription_pause"], "paused already"),
        ("flexible", "active", ["subscription_cancel"], "turn subscription_pause on"),
        ("flexible", "active", None, "turn subscription_pause on"),
    ],
)
def test_a_pause_is_offered_where_the_portal_and_the_subscription_allow_it(
    company: Company, mode: str, status: str, features: list[str] | None, says: str
) -> None:
    company.subscribe("org_acme", status=status, billing_mode={"type": mode})
    found = destinations_for(view_of(company), features=features)
    pause = next(each for each in found if each.name == "Pause subscription")
    assert says in pause.explanation
    assert pause.enabled == (says == "can resume it later")


def test_what_the_portals_configuration_lacks_is_explained_and_not_offered(
    company: Company,
) -> None:
    company.subscribe("org_acme")
    found = destinations_for(view_of(company), features=["invoice_history", "subscription_cancel"])
    assert [each.name for each in found if each.enabled] == ["Cancel subscription", "Billing home"]
    switch = next(each for each in found if each.name == "Confirm plan change")
    assert switch.explanation == (
        "The portal's configuration does not offer this to customers. An administrator can turn"
        " subscription_update on in billing.toml and apply it."
    )


def test_billing_toml_says_what_the_portal_offers() -> None:
    assert features_of(BillingConfig()) is None
    features = PortalFeatures(invoice_history=InvoiceHistory())
    configured = BillingConfig(portal={"main": PortalConfiguration(features=features)})
    assert features_of(configured) == frozenset({"invoice_history"})


def test_the_flag_alone_ends_with_the_period(company: Company) -> None:
    company.change(company.subscribe("org_acme"), cancel_at_period_end=True)
    assert "1 July 2026" in by_name(view_of(company))["Cancel subscription"].explanation


def test_an_ex_subscriber_keeps_the_invoices_and_is_offered_checkout(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.later(days=1)
    company.event("customer.subscription.deleted", {**made, "status": "canceled"})
    found = by_name(view_of(company))
    assert {name for name, each in found.items() if each.enabled} == {
        "Update payment method",
        "Update billing details",
        "Billing home",
        "Checkout",
    }
    assert "invoices" in found["Billing home"].explanation
    assert found["Checkout"].explanation.startswith("The customer subscribes again")
    assert found["Cancel subscription"].explanation.startswith("There is no subscription")


def test_without_a_customer_there_is_only_checkout(company: Company) -> None:
    company.add("organizations", org_id="org_acme", name="Imported")
    assert [(d.name, d.enabled) for d in destinations_for(view_of(company))] == [("Checkout", True)]


def test_a_deleted_customer_is_led_to_checkout(company: Company) -> None:
    company.event("customer.created", customer("cus_acme", org_id="org_acme"))
    company.later(seconds=2)
    gone = {"id": "cus_acme", "object": "customer", "metadata": {"org_id": "org_acme"}}
    company.event("customer.deleted", gone)
    view = view_of(company)
    assert view.organization.customer_deleted
    assert list(by_name(view)) == ["Checkout"]


@pytest.mark.parametrize(
    ("made", "code", "cancel"),
    [
        ({"schedule": "sub_sched_1"}, BillingErrorCode.SCHEDULED_UPDATE, False),
        ({"collection_method": "send_invoice"}, BillingErrorCode.FLOW_DISABLED, True),
        ({"status": "incomplete"}, BillingErrorCode.FLOW_DISABLED, True),
    ],
)
def test_stripes_limits_are_told_beforehand(
    company: Company, made: dict[str, object], code: BillingErrorCode, cancel: bool
) -> None:
    company.subscribe("org_acme", **made)  # type: ignore[arg-type]
    view = view_of(company)
    found = by_name(view)
    assert not found["Switch plan"].enabled
    assert found["Cancel subscription"].enabled is cancel
    reason = obstacle(Flow.SUBSCRIPTION_UPDATE, view.deciding)
    assert reason is not None
    assert (reason.code, reason.sentence) == (code, found["Switch plan"].explanation)


@pytest.mark.parametrize(
    "items",
    [
        (price(), price(None, price_id="price_storage")),
        (price("pro_monthly", usage_type="metered"),),
    ],
    ids=["several items", "metered"],
)
def test_several_items_and_usage_can_only_be_canceled(
    company: Company, items: tuple[dict[str, object], ...]
) -> None:
    company.subscribe("org_acme", *items)
    found = by_name(view_of(company))
    assert found["Cancel subscription"].enabled
    assert not found["Switch plan"].enabled


def test_of_several_subscriptions_the_named_one_counts(company: Company) -> None:
    company.subscribe("org_acme")
    company.later(days=1)
    other = subscription("sub_other", "cus_acme", schedule="sub_sched_1", start=company.now)
    company.event("customer.subscription.created", other)
    view = view_of(company)
    assert by_name(view)["Cancel subscription"].subscription_id == "sub_other"
    assert not by_name(view)["Cancel subscription"].enabled
    assert by_name(view, "sub_acme")["Cancel subscription"].enabled
    assert not by_name(view, "sub_of_somebody_else")["Cancel subscription"].enabled


def test_dates_are_worded_by_whoever_asks(company: Company) -> None:
    company.change(company.subscribe("org_acme"), cancel_at_period_end=True)
    found = destinations_for(view_of(company), day=lambda at: f"<{at:%d.%m.}>")
    assert "<01.07.>" in found[0].explanation


def test_no_view_makes_it_stumble(company: Company) -> None:
    company.subscribe("org_acme")
    view = view_of(company)
    assert destinations_for(replace(view, subscriptions=()))
