"""Minting a Checkout session: the customer is made once, and the webhook can link what comes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from billing_core.checkout import upgrade
from billing_core.errors import BillingError
from billing_core.errors import BillingErrorCode as Code
from billing_core.rows import OrganizationView
from billing_core.stripe_gateway.sessions import CheckoutSession
from billing_core.tables import Organization
from tests.core.company import CONFIG
from tests.core.stand_in import StandIn
from tests.support import patient

NEW = Organization(org_id="org_new", name="Neue GmbH", email="new@example.org")


def buy(
    account: StandIn,
    org: Organization | OrganizationView = NEW,
    lookup_key: str = "pro_monthly",
    **more: Any,  # noqa: ANN401
) -> CheckoutSession:
    return upgrade(
        org,
        lookup_key=lookup_key,
        base_url="https://app.example",
        config=CONFIG,
        gateway=account.gateway,
        **more,
    )


def test_an_org_that_never_paid_gets_a_customer_that_carries_its_id(open_account: StandIn) -> None:
    session = buy(open_account, quantity=3)
    assert patient.get(session.url, follow_redirects=True).status_code == 200
    made = open_account.v1.checkout.sessions.retrieve(session.session_id)
    assert made.client_reference_id == "org_new"
    assert made.metadata is not None
    assert made.metadata["org_id"] == "org_new"
    assert made.success_url == "https://app.example/settings/billing"
    customer = open_account.v1.customers.retrieve(str(made.customer))
    assert (customer.name, customer.email) == ("Neue GmbH", "new@example.org")
    assert customer.metadata is not None
    assert customer.metadata["org_id"] == "org_new"


def test_many_clicks_at_once_make_one_customer(open_account: StandIn) -> None:
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda _: buy(open_account), range(8)))
    assert len({session.session_id for session in sessions}) == 8
    customers = open_account.v1.customers.list({"email": "new@example.org"}).data
    assert len(customers) == 1


def test_an_ex_subscriber_resubscribes_as_the_same_customer(open_account: StandIn) -> None:
    subscription_id = open_account.subscribe()
    open_account.v1.subscriptions.cancel(subscription_id)
    view = open_account.view(subscription_id)
    session = buy(open_account, view, "team_monthly", return_path="/done", cancel_path="/left")
    made = open_account.v1.checkout.sessions.retrieve(session.session_id)
    assert made.customer == view.stripe_customer_id
    assert (made.success_url, made.cancel_url) == (
        "https://app.example/done",
        "https://app.example/left",
    )


def refused(account: StandIn, *args: Any, **more: Any) -> Code:  # noqa: ANN401
    with pytest.raises(BillingError) as refusal:
        buy(account, *args, **more)
    return refusal.value.code


def test_who_pays_already_is_not_charged_twice(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    assert refused(open_account, view) is Code.ALREADY_SUBSCRIBED


def test_a_price_that_is_not_sold_is_refused_before_a_customer_is_made(
    open_account: StandIn,
) -> None:
    assert refused(open_account, NEW, "not_in_billing_toml") is Code.UNKNOWN_PRICE
    assert refused(open_account, NEW, "pro_yearly") is Code.UNKNOWN_PRICE
    assert refused(open_account, NEW, return_path="//evil") is Code.INVALID_RETURN_PATH
    assert refused(open_account, NEW, cancel_path="https:evil") is Code.INVALID_RETURN_PATH
    assert not open_account.v1.customers.list().data


def test_a_price_that_was_retired_is_not_offered(open_account: StandIn) -> None:
    old = open_account.price("pro_monthly")
    open_account.v1.prices.update(old, {"active": False})
    assert refused(open_account) is Code.UNKNOWN_PRICE


def test_the_url_stands_nowhere_but_in_url(open_account: StandIn) -> None:
    session = buy(open_account)
    assert session.url.rsplit("/", 1)[1] not in repr(session) + str(session)
