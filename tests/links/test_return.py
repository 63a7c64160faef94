"""The way back: it tells what the webhooks brought, waits a while, and never writes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, update

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.links import return_token
from billing_core.queries.tables import LINKS
from tests.links.stage import Stage
from tests.sandbox.browser import Browser
from tests.support import patient
from tests.support.stripe_events import unique


def redeemed(stage: Stage, org_id: str, destination: str, **fields: object) -> tuple[str, Browser]:
    """The address to come back to, and a browser at Stripe."""
    url = stage.create(org_id, destination, **fields)["url"]
    browser = Browser().open(url).press(destination)
    assert browser.address.startswith(stage.sandbox.url), browser.page
    return f"{stage.url}/return/{return_token(url.rpartition('/')[2])}", browser


def status(address: str, waited: int = 0, language: str = "en") -> dict[str, Any]:
    """What the page's script is told."""
    answer = patient.get(
        f"{address}/status", params={"waited": waited}, headers={"accept-language": language}
    )
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def test_it_waits_and_then_says_that_nothing_has_changed(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, _ = redeemed(stage, org_id, CANCEL_SUBSCRIPTION)
    page = patient.get(back)
    assert page.status_code == 200
    assert "Welcome back" in page.text
    assert 'content="5;url=?waited=5"' in page.text
    assert 'href="https://app.northwind.example"' in page.text
    assert [status(back, waited)["state"] for waited in (0, 59, 60)] == [
        "waiting",
        "waiting",
        "unchanged",
    ]
    assert "Nothing has changed" in patient.get(back, params={"waited": 60}).text


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("en", "Your plan ends on {day} {month}"),
        ("de-AT,de;q=0.9,en;q=0.5", "Ihr Tarif endet am {day}. "),
        ("fr-CA", "Votre formule prend fin le {day} "),
        ("ja,pt;q=0.8", "Your plan ends on {day} {month}"),
    ],
)
def test_it_tells_the_end_that_the_webhook_brought_in_the_customers_language(
    stage: Stage, language: str, heading: str
) -> None:
    org_id, subscription_id = stage.subscriber()
    back, browser = redeemed(stage, org_id, CANCEL_SUBSCRIPTION)
    browser.press("Cancel plan").press("No thanks")
    stage.settle()
    end = datetime.fromtimestamp(stage.end_of(subscription_id), UTC)
    told = status(back, language=language)
    assert told["state"] == "changed"
    assert told["heading"].startswith(heading.format(day=end.day, month=f"{end:%B}"))
    page = patient.get(back, headers={"accept-language": language})
    assert told["heading"] in page.text
    assert page.headers["content-language"] == (language[:2] if language[0] in "def" else "en")


def test_it_tells_that_a_cancellation_was_taken_back(stage: Stage) -> None:
    org_id, subscription_id = stage.subscriber()
    stage.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    stage.settle()
    back, _ = redeemed(stage, org_id, BILLING_HOME)
    stage.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": False})
    stage.settle()
    assert status(back)["heading"] == "Your plan continues."


def test_it_tells_the_new_plan(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, browser = redeemed(
        stage, org_id, CHANGE_TO_A_GIVEN_PLAN, target_lookup_key="starter_monthly"
    )
    browser.press("Confirm")
    stage.settle()
    assert status(back)["heading"] == "Your plan is now Starter."


def test_it_tells_that_another_card_was_stored(stage: Stage) -> None:
    """Which changes no entitlement at all."""
    org_id, _ = stage.subscriber()
    back, browser = redeemed(stage, org_id, UPDATE_PAYMENT_METHOD)
    browser.press("Save card", choose="Mastercard that works (•••• 4444)")
    stage.settle()
    assert status(back)["heading"] == "Your payment method is up to date."


def test_it_tells_that_the_details_were_corrected(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, _ = redeemed(stage, org_id, UPDATE_DETAILS)
    [(customer_id,)] = stage.rows(
        "SELECT stripe_customer_id FROM organizations WHERE org_id = :o", o=org_id
    )
    stage.v1.customers.update(customer_id, {"email": "new@acme.example"})
    stage.settle()
    assert status(back)["heading"] == "Your billing details are up to date."


def test_it_tells_that_a_subscription_bought_in_checkout_is_active(stage: Stage) -> None:
    org_id, _ = stage.customer()
    stage.settle()
    back, browser = redeemed(stage, org_id, CHECKOUT, target_lookup_key="pro_monthly")
    browser.press("Subscribe")
    stage.settle()
    assert status(back)["heading"] == "Your plan is active: Pro."


def test_it_tells_the_end_of_a_subscription_beside_the_one_that_decides(stage: Stage) -> None:
    org_id, customer_id = stage.customer()
    first = stage.subscribe(customer_id, "starter_monthly")
    stage.subscribe(customer_id, "pro_monthly")
    stage.settle()
    [(deciding,)] = stage.rows(
        "SELECT subscription_id FROM plan_entitlements WHERE org_id = :o", o=org_id
    )
    live = [each.id for each in stage.v1.subscriptions.list({"customer": customer_id}).data]
    [beside] = [each for each in live if each != deciding]
    assert first in live
    back, browser = redeemed(stage, org_id, CANCEL_SUBSCRIPTION, subscription_id=beside)
    browser.press("Cancel plan").press("No thanks")
    stage.settle()
    assert status(back)["heading"].startswith("Your plan ends on ")


def test_what_happened_before_the_link_was_redeemed_is_not_told(stage: Stage) -> None:
    org_id, subscription_id = stage.subscriber()
    stage.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    stage.settle()
    back, _ = redeemed(stage, org_id, BILLING_HOME)
    assert status(back)["state"] == "waiting"


def test_coming_back_writes_nothing(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, _ = redeemed(stage, org_id, CANCEL_SUBSCRIPTION)
    stage.settle()

    def everything() -> list[object]:
        tables = ("portal_links", "audit_log", "plan_entitlements", "entitlement_changes")
        return [stage.rows(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    before = everything()
    for waited in (0, 30, 90):
        patient.get(back, params={"waited": waited})
        status(back, waited)
    assert everything() == before


def test_a_day_later_it_tells_nothing_any_more(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, browser = redeemed(stage, org_id, CANCEL_SUBSCRIPTION)
    browser.press("Cancel plan").press("No thanks")
    stage.settle()
    engine = create_engine(stage.listener.database_url)
    with engine.begin() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=25)
        change = update(LINKS).where(LINKS.c.org_id == org_id).values(last_redeemed_at=long_ago)
        connection.execute(change)
    engine.dispose()
    page = patient.get(back)
    assert page.status_code == 410
    assert "Your plan ends" not in page.text
    assert patient.get(f"{back}/status").status_code == 410


@pytest.mark.parametrize("suffix", ["", "/status"])
def test_an_unknown_return_address_tells_nothing(stage: Stage, suffix: str) -> None:
    answer = patient.get(
        f"{stage.url}/return/{unique('none')}{suffix}", headers={"x-forwarded-for": "192.0.2.8"}
    )
    assert answer.status_code == 404


def test_the_address_to_come_back_to_cannot_be_redeemed(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    back, _ = redeemed(stage, org_id, BILLING_HOME, uses=2)
    answer = stage.redeem(
        back.replace("/return/", "/links/"), BILLING_HOME, **{"x-forwarded-for": "192.0.2.9"}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("waited", ["-1", "x", "9" * 5000, "٣", ""])
def test_a_made_up_waiting_time_harms_nothing(stage: Stage, waited: str) -> None:
    org_id, _ = stage.subscriber()
    back, _ = redeemed(stage, org_id, BILLING_HOME)
    assert patient.get(back, params={"waited": waited}).status_code == 200
