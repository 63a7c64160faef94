"""Making a link: checked, recorded, made, recorded; with a real listener and a stand-in Stripe."""

import pickle
import re
from collections.abc import Iterator

import pytest

from billing_core import queries
from billing_core.database import reader
from billing_core.destinations import Destination
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.possible_destinations import destinations_for
from billing_core.rows import OrganizationView
from billing_core.settings import settings
from billing_core.stripe_gateway.client import stripe_gateway
from console import sending
from console.commands import listener_answers
from console.minting import Wish, mint
from tests.console.stack import Stack
from tests.console.watching import principal
from tests.support import patient


@pytest.fixture(autouse=True)
def _as_the_console(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in stack.variables.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield
    stack.control.clear_faults()
    _forget()


def _forget() -> None:
    settings.cache_clear()
    stripe_gateway.cache_clear()
    listener_answers.clear()


def _view(stack: Stack, org_id: str = "org_acme") -> OrganizationView:
    with reader(stack.database_url).connect() as connection:
        view = queries.organization(connection, org_id)
    assert view is not None
    return view


def _destination(view: OrganizationView, name: str) -> Destination:
    return next(each for each in destinations_for(view) if each.name == name)


def test_a_link_is_made_and_recorded_before_and_after(stack: Stack) -> None:
    view = _view(stack)
    session = mint(
        principal("support"), view, Wish(_destination(view, "Cancel subscription"), "T-1")
    )
    page = patient.get(session.url, follow_redirects=True, trust_env=False)
    assert "Cancel plan" in page.text
    assert stack.audit()[-2:] == [
        ("jane", "portal_link.mint", "begun", "org_acme", "Cancel subscription", "T-1", None),
        ("jane", "portal_link.mint", "minted", "org_acme", "Cancel subscription", None, None),
    ]


@pytest.mark.parametrize("role", ["finance", "ops", "nonsense"])
def test_a_role_that_may_not_is_refused_and_the_attempt_recorded(stack: Stack, role: str) -> None:
    view = _view(stack)
    before = len(stack.v1.events.list({"type": "billing_portal.session.created"}).data)
    with pytest.raises(BillingError, match="was recorded") as refused:
        mint(principal(role), view, Wish(_destination(view, "Billing home"), "just because"))
    assert refused.value.code is BillingErrorCode.PERMISSION_DENIED
    assert stack.audit()[-1][:5] == (
        "jane", "portal_link.mint", "denied", "org_acme", "Billing home",
    )  # fmt: skip
    after = len(stack.v1.events.list({"type": "billing_portal.session.created"}).data)
    assert after == before


def test_what_cannot_be_recorded_is_not_made(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    view = _view(stack)
    before = len(stack.v1.events.list({"type": "billing_portal.session.created"}).data)
    monkeypatch.setenv("LISTENER_URL", "http://127.0.0.1:9")
    _forget()
    with pytest.raises(BillingError, match="No link was made") as refused:
        mint(principal("support"), view, Wish(_destination(view, "Billing home"), "T-2"))
    assert refused.value.code is BillingErrorCode.NOT_RECORDED
    assert not listener_answers()
    after = len(stack.v1.events.list({"type": "billing_portal.session.created"}).data)
    assert after == before


def test_a_listener_that_does_not_trust_the_console_makes_no_link(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = _view(stack)
    monkeypatch.setenv("COMMAND_SECRET", "another-Qw3rT-secret-of-32-characters")
    _forget()
    with pytest.raises(BillingError, match="COMMAND_SECRET must be the same"):
        mint(principal("support"), view, Wish(_destination(view, "Billing home"), "T-3"))


def test_a_refusal_of_stripes_is_recorded_with_its_code(stack: Stack) -> None:
    view = _view(stack)
    stack.control.fail_next(3, status=503, path="/v1/billing_portal/sessions")
    with pytest.raises(BillingError) as refused:
        mint(principal("support"), view, Wish(_destination(view, "Billing home"), "T-4"))
    assert stack.audit()[-1][2] == "refused"
    assert stack.audit()[-1][6] == refused.value.code.value


def test_an_organization_without_a_customer_is_led_to_checkout(stack: Stack) -> None:
    view = _view(stack, "org_new")
    checkout = _destination(view, "Checkout")
    session = mint(principal("admin"), view, Wish(checkout, "wants to buy", "pro_monthly"))
    assert patient.get(session.url, trust_env=False).status_code == 200
    assert stack.audit()[-1][:5] == (
        "jane", "checkout_link.mint", "minted", "org_new", "Checkout",
    )  # fmt: skip


def test_the_url_is_in_no_repr_no_log_and_no_table(stack: Stack) -> None:
    view = _view(stack)
    session = mint(principal("support"), view, Wish(_destination(view, "Billing home"), "T-5"))
    secret = re.sub(r".*/", "", session.url)
    assert secret not in repr(session)
    with pytest.raises(TypeError):
        pickle.dumps(session)
    stack.settle()
    assert secret not in stack.listener.log
    folder = stack.database_url.removeprefix("sqlite:///")
    for suffix in ("", "-wal"):
        with open(folder + suffix, "rb") as file:  # noqa: PTH123 - a name with a suffix
            assert secret.encode() not in file.read()


def test_a_support_link_can_be_sent_and_leads_to_our_page(stack: Stack) -> None:
    view = _view(stack)
    wish = Wish(_destination(view, "Update payment method"), "T-6")
    link = sending.make(principal("support"), view, wish, 72)
    here = stack.listener.url + link.url[link.url.index("/links/") :]
    assert "Update payment method" in patient.get(here, trust_env=False).text
    assert link.url not in repr(link)
    assert stack.audit()[-1][:3] == ("jane", "support_link.create", "created")


def test_a_role_that_may_not_sends_no_support_link(stack: Stack) -> None:
    view = _view(stack)
    with pytest.raises(BillingError, match="was recorded"):
        sending.make(
            principal("finance"), view, Wish(_destination(view, "Billing home"), "T-7"), 24
        )
    assert stack.audit()[-1][:3] == ("jane", "support_link.create", "denied")
