"""Minting a portal session: through the real client, against the sandbox."""

import copy
import logging
import pickle
import traceback
from typing import Any

import pytest

from billing_core.destinations import Flow
from billing_core.errors import BillingError
from billing_core.errors import BillingErrorCode as Code
from billing_core.portal import open_portal
from billing_core.rows import OrganizationView
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.sessions import PortalSession
from billing_core.tables import Organization
from tests.core.stand_in import API_KEY, StandIn
from tests.support import patient

APP = "https://app.example"


def mint(account: StandIn, view: OrganizationView | Organization, **more: Any) -> PortalSession:  # noqa: ANN401
    return open_portal(view, base_url=APP, gateway=account.gateway, **more)


def page(session: PortalSession) -> str:
    response = patient.get(session.url, follow_redirects=True)
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (None, "Cancel plan"),
        ("subscription_cancel", "Cancel plan"),
        (Flow.SUBSCRIPTION_UPDATE, "team_monthly"),
        ("payment_method_update", "card"),
        ("customer_update", "Name"),
    ],
)
def test_each_destination_opens_in_a_browser(
    open_account: StandIn, flow: str | None, text: str, mode: str
) -> None:
    view = open_account.view(open_account.subscribe(billing_mode={"type": mode}))
    session = mint(open_account, view, flow=flow, return_path="/settings/billing?from=portal")
    html = page(session)
    assert text in html
    assert f"{APP}/settings/billing?from=portal" in html


def test_a_given_change_is_confirmed_and_the_same_plan_is_no_change(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    confirm = Flow.SUBSCRIPTION_UPDATE_CONFIRM
    session = mint(open_account, view, flow=confirm, lookup_key="team_monthly")
    assert "99" in page(session)
    refused(open_account, view, Code.NO_CHANGES, flow=confirm, lookup_key="pro_monthly")
    refused(open_account, view, Code.UNKNOWN_PRICE, flow=confirm, lookup_key="nobody_knows")


def test_a_pause_is_for_flexible_subscriptions(open_account: StandIn) -> None:
    flexible = open_account.view(open_account.subscribe(billing_mode={"type": "flexible"}))
    assert page(mint(open_account, flexible, flow="subscription_pause"))
    classic = open_account.view(
        open_account.subscribe("org_classic", billing_mode={"type": "classic"}), "org_classic"
    )
    refused(open_account, classic, Code.FLOW_DISABLED, flow="subscription_pause")


def test_a_coupon_may_be_offered_to_stay(open_account: StandIn) -> None:
    coupon = open_account.v1.coupons.create({"percent_off": 20, "duration": "once"})
    view = open_account.view(open_account.subscribe())
    assert page(mint(open_account, view, flow="subscription_cancel", coupon=coupon.id))
    error = refused(
        open_account, view, Code.STRIPE_REFUSED, flow="subscription_cancel", coupon="GONE"
    )
    assert "coupon" in error.message


def test_two_clicks_get_two_sessions(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    assert mint(open_account, view).url != mint(open_account, view).url


def refused(
    account: StandIn,
    view: OrganizationView | Organization,
    code: Code,
    **more: Any,  # noqa: ANN401
) -> BillingError:
    with pytest.raises(BillingError) as refusal:
        mint(account, view, **more)
    assert refusal.value.code is code
    return refusal.value


def test_an_org_without_a_customer_is_sent_to_checkout(stripe_account: StandIn) -> None:
    org = Organization(org_id="org_new", name="New")
    assert "Checkout" in refused(stripe_account, org, Code.NO_CUSTOMER).message


@pytest.mark.parametrize(
    "path", ["//evil.example", "https:evil", "/\\evil", "https://evil.example", "/a\r\nb", ""]
)
def test_a_return_path_that_leads_elsewhere_is_refused(stripe_account: StandIn, path: str) -> None:
    org = Organization(org_id="org_1", stripe_customer_id="cus_1")
    refused(stripe_account, org, Code.INVALID_RETURN_PATH, return_path=path)


CANCELING = [{"cancel_at_period_end": True}, {"cancel_at": "max_period_end"}]


@pytest.mark.parametrize("changes", CANCELING, ids=["flag", "date"])
def test_what_our_rows_know_is_not_asked_of_stripe(
    open_account: StandIn, changes: dict[str, Any]
) -> None:
    subscription_id = open_account.subscribe()
    open_account.v1.subscriptions.update(subscription_id, changes)  # type: ignore[arg-type]
    view = open_account.view(subscription_id)
    open_account.control.fail_next(99, path="/v1/billing_portal")
    refused(open_account, view, Code.ALREADY_CANCELING, flow="subscription_cancel")


@pytest.mark.parametrize("changes", CANCELING, ids=["flag", "date"])
def test_what_our_rows_do_not_know_yet_stripe_refuses(
    open_account: StandIn, changes: dict[str, Any]
) -> None:
    subscription_id = open_account.subscribe()
    view = open_account.view(subscription_id)
    open_account.v1.subscriptions.update(subscription_id, changes)  # type: ignore[arg-type]
    refused(open_account, view, Code.ALREADY_CANCELING, flow="subscription_cancel")


def test_an_ended_subscription_has_nothing_to_cancel_and_its_customer_keeps_the_portal(
    open_account: StandIn,
) -> None:
    subscription_id = open_account.subscribe()
    before = open_account.view(subscription_id)
    open_account.v1.subscriptions.cancel(subscription_id)
    refused(open_account, before, Code.SUBSCRIPTION_ENDED, flow="subscription_cancel")
    after = open_account.view(subscription_id)
    refused(open_account, after, Code.NO_SUBSCRIPTION, flow="subscription_cancel")
    assert page(mint(open_account, after))


def test_a_subscription_with_several_items_cannot_be_switched(open_account: StandIn) -> None:
    extra = open_account.price("team_monthly")
    items = [{"price": open_account.price("pro_monthly")}, {"price": extra}]
    subscription_id = open_account.subscribe(items=items)
    view = open_account.view(subscription_id)
    refused(open_account, view, Code.SEVERAL_ITEMS, flow="subscription_update")
    row = Organization(org_id="org_acme", stripe_customer_id=view.stripe_customer_id)
    refused(
        open_account,
        row,
        Code.SEVERAL_ITEMS,
        flow="subscription_update",
        subscription_id=subscription_id,
    )
    refused(open_account, row, Code.NO_SUBSCRIPTION, flow="subscription_update")


def test_another_orgs_subscription_cannot_be_named(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    other = open_account.subscribe("org_other")
    refused(
        open_account,
        view,
        Code.NO_SUBSCRIPTION,
        flow="subscription_cancel",
        subscription_id=other,
    )


def test_a_portal_that_was_never_set_up_says_so(stripe_account: StandIn) -> None:
    view = stripe_account.view(stripe_account.subscribe())
    refused(stripe_account, view, Code.NO_CONFIGURATION)


def test_a_feature_that_is_off_says_so(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    invoices = {"features": {"invoice_history": {"enabled": True}}}
    configuration = open_account.v1.billing_portal.configurations.create(invoices)  # type: ignore[arg-type]
    refused(
        open_account,
        view,
        Code.FLOW_DISABLED,
        flow="subscription_cancel",
        configuration_id=configuration.id,
    )


def test_a_customer_that_stripe_does_not_know_says_so(open_account: StandIn) -> None:
    row = Organization(org_id="org_1", stripe_customer_id="cus_nobody")
    refused(open_account, row, Code.NO_CUSTOMER)


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, Code.RATE_LIMITED), (403, Code.PERMISSION_DENIED), (400, Code.STRIPE_REFUSED)],
)
def test_no_word_of_stripes_gets_out(
    open_account: StandIn,
    status: int,
    code: Code,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    view = open_account.view(open_account.subscribe())
    told = f"The key {API_KEY} of acct_123 may not: https://billing.stripe.com/p/session/live"
    open_account.control.fail_next(9, status=status, message=told, path="/v1/billing_portal")
    error = refused(open_account, view, code)
    everything = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    everything += "".join(capfd.readouterr())
    assert error.__context__ is None
    for secret in (API_KEY, "acct_123", "p/session/live"):
        assert secret not in everything


def test_stripe_out_of_reach_is_a_sentence() -> None:
    gone = StripeGateway(API_KEY, api_base="http://127.0.0.1:9")
    row = Organization(org_id="org_1", stripe_customer_id="cus_1")
    with pytest.raises(BillingError) as refusal:
        open_portal(row, base_url=APP, gateway=gone)
    assert refusal.value.code is Code.STRIPE_UNAVAILABLE


def test_a_failure_that_passes_is_tried_again_and_mints_once(open_account: StandIn) -> None:
    view = open_account.view(open_account.subscribe())
    open_account.control.fail_next(1, status=500, path="/v1/billing_portal", after_effect=True)
    assert page(mint(open_account, view))


def test_a_url_stands_nowhere_but_in_url(
    open_account: StandIn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    session = mint(open_account, open_account.view(open_account.subscribe()))
    secret = session.url.rsplit("/", 1)[1]
    assert len(secret) > 10
    shown = repr(session) + str(session) + f"{session}" + repr([session]) + caplog.text
    shown += "".join(capfd.readouterr()) + repr(open_account.gateway)
    assert secret not in shown
    assert API_KEY not in shown
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as refusal:
            spread(session)
        assert secret not in str(refusal.value)
    with pytest.raises(AttributeError):
        session.url = "https://elsewhere.example"  # type: ignore[misc]
    with pytest.raises(TypeError):
        vars(session)


def test_a_session_dies_after_five_minutes(open_account: StandIn) -> None:
    session = mint(open_account, open_account.view(open_account.subscribe()))
    open_account.control.advance(seconds=360)
    assert "expired" in patient.get(session.url, follow_redirects=True).text.lower()
