"""The list of support links and one link's page, with a real listener behind them."""

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from billing_core.commands import CreateLink, RevokeLink
from billing_core.database import reader
from billing_core.errors import BillingError
from billing_core.permissions import PERMISSIONS, Permission, Role
from billing_core.settings import settings
from console import commands
from tests.console.stack import Stack
from tests.console.watching import Desk, desk, principal, visible
from tests.support import patient


def _links() -> None:
    from console.pages.links import page

    page()


def _organization() -> None:
    from console.pages.organization import page

    page()


@pytest.fixture
def at_desk(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name, value in stack.variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    sitting = desk(monkeypatch, reader(stack.database_url))
    sitting.sit("support")
    yield sitting
    settings.cache_clear()


def make(org_id: str = "org_acme", destination: str = "Billing home", **more: int) -> str:
    """A new link; its id."""
    command = CreateLink.model_validate(
        {"org_id": org_id, "destination": destination, "reason": "T-1", **more}
    )
    return commands.create_link(principal("support"), command).link_id


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def test_links_are_narrowed_by_what_the_address_says(at_desk: Desk) -> None:
    make("org_acme", "Update payment method")
    make("org_blue", "Billing home")
    everything = visible(at_desk.open(_links))
    assert "Acme Robotics" in everything
    assert "Blue Harbor" in everything
    for query in ({"org": "org_blue"}, {"destination": "Billing home", "org": "org_blue"}):
        narrowed = visible(at_desk.open(_links, **query))
        assert "Blue Harbor" in narrowed
        assert "Acme Robotics" not in narrowed
    assert "No support link matches." in visible(at_desk.open(_links, by="nobody"))
    assert "No support link matches." in visible(at_desk.open(_links, org="org_new"))
    nonsense = at_desk.open(_links, state="x", destination="y", after="%%%")
    assert not nonsense.exception
    assert "Acme Robotics" in visible(nonsense)


def test_a_link_is_revoked_after_a_question_and_stays_in_the_list(
    at_desk: Desk, stack: Stack
) -> None:
    link_id = make()
    at = press(at_desk.open(_links, link=link_id), "Revoke")
    assert "It stops working at once and for good." in visible(at)
    assert stack.audit()[-1][1:3] == ("support_link.create", "created")
    at.text_input[0].set_value("sent to the wrong address")
    told = visible(press(at, "Revoke link"))
    assert "Revoked" in told
    assert "jane stopped the “Billing home” link from working (sent to the wrong" in told
    assert "Revoke link" not in told
    assert stack.audit()[-1] == (
        "jane", "support_link.revoke", "revoked", "org_acme", "Billing home",
        "sent to the wrong address", None,
    )  # fmt: skip
    assert "Revoked" in visible(at_desk.open(_links, state="revoked"))


def test_thinking_better_of_it_changes_nothing(at_desk: Desk, stack: Stack) -> None:
    link_id = make()
    at = press(at_desk.open(_links, link=link_id, do="revoke"), "Leave it as it is")
    assert "Active" in visible(at)
    assert stack.audit()[-1][1] == "support_link.create"


def test_a_link_is_extended_and_works_until_then(at_desk: Desk, stack: Stack) -> None:
    link_id = make(lifetime_hours=1)
    at = at_desk.open(_links, link=link_id, do="extend")
    assert at.selectbox[0].options[0] == "72 hours"
    press(at, "Extend link")
    assert stack.audit()[-1][1:3] == ("support_link.extend", "extended")


def test_a_role_without_the_right_to_make_links_cannot_change_them(
    at_desk: Desk, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page offers nothing, and the listener refuses and records whoever asks all the same."""
    link_id = make()
    monkeypatch.setitem(PERMISSIONS, Role.SUPPORT, frozenset({Permission.READ_LINKS}))
    told = visible(at_desk.open(_links, link=link_id, do="revoke"))
    assert "Active" in told
    assert "Revoke" not in told
    with pytest.raises(BillingError, match="may not make links"):
        commands.change_link(principal("finance"), RevokeLink(link_id=link_id))
    assert stack.audit()[-1][:3] == ("jane", "support_link.revoke", "denied")


def test_a_listener_that_is_away_leaves_the_link_as_it_was(
    at_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_id = make()
    monkeypatch.setenv("LISTENER_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    at = press(at_desk.open(_links, link=link_id, do="revoke"), "Revoke link")
    assert "The listener cannot be reached" in visible(at)
    assert "Nothing was changed." in visible(at)


def test_an_unknown_reference_is_said(at_desk: Desk) -> None:
    assert "No such link" in visible(at_desk.open(_links, link="link_<b>nothing</b>"))


def sent(
    at_desk: Desk, destination: str, fill: Callable[[AppTest], None], org_id: str = "org_acme"
) -> AppTest:
    """Make a support link on an organization's page, as an agent does."""
    at = at_desk.open(_organization, org=org_id)
    at.radio[0].set_value(destination).run()
    at.selectbox(key=f"kind_{org_id}").set_value(72).run()
    fill(at)
    at.text_input(key=f"reason_{org_id}").set_value("T-9")
    return press(at, "Create link")


def link_url(at: AppTest) -> str:
    return next(each.value for each in at.code if "/links/" in each.value).strip()


def test_a_plan_change_is_chosen_from_the_catalogue_with_a_quantity(
    at_desk: Desk, stack: Stack
) -> None:
    """No price is worked out by us; the link keeps which one, how many and how often."""

    def fill(at: AppTest) -> None:
        at.selectbox(key="price_Confirm plan change_org_acme").set_value("team_monthly")
        at.number_input(key="quantity_Confirm plan change_org_acme").set_value(4)
        at.number_input(key="uses_org_acme").set_value(2)

    at = sent(at_desk, "Confirm plan change", fill)
    assert "It works 2 times" in visible(at)
    page = patient.get(
        stack.listener.url
        + link_url(at).partition("/links/")[1]
        + link_url(at).partition("/links/")[2]
    )
    assert "Confirm plan change" in page.text
    assert "Team" in page.text


def test_the_present_plan_in_the_present_quantity_is_no_change(at_desk: Desk) -> None:
    def fill(at: AppTest) -> None:
        at.selectbox(key="price_Confirm plan change_org_acme").set_value("pro_monthly")

    at = sent(at_desk, "Confirm plan change", fill)
    assert "has that plan and quantity already" in visible(at)


def test_a_plan_change_without_a_price_says_what_is_missing(at_desk: Desk) -> None:
    at = sent(at_desk, "Confirm plan change", lambda at: None)
    assert "Choose the price first" in visible(at)


def test_billing_details_and_a_pause_can_be_sent(at_desk: Desk) -> None:
    for destination in ("Update billing details", "Pause subscription"):
        at = sent(at_desk, destination, lambda at: None)
        assert f"{destination}:" in "\n".join(each.value for each in at.code)
