"""A link from its page to Stripe, and every way in which that ends elsewhere."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
    PAUSE_SUBSCRIPTION,
    SWITCH_PLAN,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from tests.links.stage import Stage
from tests.sandbox.browser import Browser
from tests.support import patient
from tests.support.listener import run_command
from tests.support.stripe_events import unique


def uses(stage: Stage, made: dict[str, Any]) -> int:
    """How often the link counts as used."""
    [(count,)] = stage.rows("SELECT uses FROM portal_links WHERE link_id = :i", i=made["link_id"])
    return int(count)


def outcomes(stage: Stage, made: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What the audit log says of the link's redemptions."""
    return stage.rows(
        "SELECT actor, outcome, destination, detail FROM audit_log"
        " WHERE link_id = :i AND action = 'support_link.redeem' ORDER BY audit_id",
        i=made["link_id"],
    )


def leave(stage: Stage, org_id: str) -> Browser:
    """The customer cancels by a link of their own; the browser is back at our page."""
    browser = Browser().open(stage.create(org_id, CANCEL_SUBSCRIPTION)["url"])
    browser.press("Cancel subscription").press("Cancel plan").press("No thanks")
    stage.settle()
    return browser


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_a_cancel_link_leads_to_stripes_cancel_screen_and_back(stage: Stage, mode: str) -> None:
    org_id, subscription_id = stage.subscriber(mode=mode)
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    browser = Browser().open(made["url"])
    browser.press("Cancel subscription")
    assert browser.address.startswith(stage.sandbox.url)
    assert not browser.has_button("Update plan"), "a flow hides everything else"
    browser.press("Cancel plan").press("No thanks")
    stage.settle()
    assert browser.address.startswith(f"{stage.url}/return/")
    assert "You keep access until then." in browser.open(browser.address).page
    assert stage.v1.subscriptions.retrieve(subscription_id).cancel_at is not None
    assert outcomes(stage, made) == [
        ("customer", "begun", "Cancel subscription", None),
        ("customer", "minted", "Cancel subscription", None),
    ]


@pytest.mark.parametrize(
    ("destination", "fields", "screen"),
    [
        (SWITCH_PLAN, {}, "Starter"),
        (CHANGE_TO_A_GIVEN_PLAN, {"target_lookup_key": "starter_monthly"}, "Confirm"),
        (PAUSE_SUBSCRIPTION, {}, "Pause"),
        (UPDATE_PAYMENT_METHOD, {}, "Save card"),
        (UPDATE_DETAILS, {}, "billing"),
        (BILLING_HOME, {}, "Cancel plan"),
    ],
)
def test_each_destination_opens_its_own_screen(
    stage: Stage, destination: str, fields: dict[str, str], screen: str
) -> None:
    org_id, _ = stage.subscriber()
    browser = Browser().open(stage.create(org_id, destination, **fields)["url"])
    assert f"<h1>{destination}</h1>" in browser.page
    browser.press(destination)
    assert browser.address.startswith(stage.sandbox.url)
    assert screen in browser.page


def test_an_org_that_never_was_a_customer_subscribes_through_checkout(
    stage: Stage, tmp_path: Path
) -> None:
    """Its customer is made on the way, once, and the webhook brings it to the org."""
    org_id = unique("org")
    orgs = tmp_path / "orgs.csv"
    orgs.write_text(f"org_id,name,email\n{org_id},Blue Harbor,pay@harbor.example\n")
    imported = run_command(stage.listener.database_url, "orgs", "import", str(orgs))
    assert imported.returncode == 0, imported.stderr
    url = stage.create(org_id, CHECKOUT, target_lookup_key="pro_monthly", uses=2)["url"]
    assert "Pro" in Browser().open(url).press("Checkout").page
    browser = Browser().open(url).press("Checkout").press("Subscribe")
    stage.settle()
    assert browser.address.startswith(f"{stage.url}/return/")
    assert "Your plan is active: Pro." in browser.open(browser.address).page
    customers = stage.v1.customers.list({"email": "pay@harbor.example"}).data
    mine = [each.id for each in customers if each.metadata and each.metadata["org_id"] == org_id]
    known = stage.rows("SELECT stripe_customer_id FROM organizations WHERE org_id = :o", o=org_id)
    assert known == [(mine[0],)]
    assert len(mine) == 1


def test_looking_changes_nothing_and_calls_nobody(stage: Stage) -> None:
    """Link previews and mail scanners look, several times, with GET and HEAD."""
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    before = (stage.rows("SELECT * FROM portal_links"), stage.rows("SELECT * FROM audit_log"))
    sessions = stage.sessions()
    for _ in range(3):
        assert patient.get(made["url"]).status_code == 200
        head = httpx.head(made["url"])
        assert (head.status_code, head.text) == (200, "")
    after = (stage.rows("SELECT * FROM portal_links"), stage.rows("SELECT * FROM audit_log"))
    assert after == before
    assert stage.sessions() == sessions


def test_the_page_says_who_sent_it_for_whom_where_it_leads_and_until_when(stage: Stage) -> None:
    org_id, _ = stage.subscriber(name="Blue Harbor <script>alert(1)</script>")
    made = stage.create(org_id, CANCEL_SUBSCRIPTION, sender_name="Ada Lovelace", lifetime_hours=5)
    page = patient.get(made["url"]).text
    assert "Ada Lovelace of Northwind Cloud has sent you this link." in page
    assert "Blue Harbor &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "cancel your subscription" in page
    assert made["expires_at"][:16] in page
    assert page.count("<button") == 1


def test_a_used_link_says_so_and_makes_no_second_session(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    assert stage.redeem(made["url"], BILLING_HOME).status_code == 303
    sessions = stage.sessions()
    again = stage.redeem(made["url"], BILLING_HOME)
    assert again.status_code == 410
    assert "This link has been used" in again.text
    assert made["link_id"] in again.text
    assert "mailto:support@northwind.example" in again.text
    assert stage.sessions() == sessions


def test_a_link_for_three_uses_works_three_times(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME, uses=3)
    answers = [stage.redeem(made["url"], BILLING_HOME) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 410]
    assert len({answer.headers.get("location") for answer in answers}) == 4


def test_an_expired_link_says_so(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    stage.expire(made["link_id"])
    for answer in (patient.get(made["url"]), stage.redeem(made["url"], BILLING_HOME)):
        assert answer.status_code == 410
        assert "This link has expired" in answer.text
    assert uses(stage, made) == 0


@pytest.mark.parametrize("token", ["x", "a" * 43, "é" * 40, "..", "a" * 3000])
def test_an_unknown_token_is_met_with_a_page(stage: Stage, token: str) -> None:
    answer = patient.get(f"{stage.url}/links/{token}", headers={"x-forwarded-for": "192.0.2.7"})
    assert answer.status_code == 404
    if token != "..":
        assert "We do not know this link" in answer.text


@pytest.mark.parametrize(
    ("fault", "status", "sentence", "code"),
    [
        ({"status": 500}, 503, "does not answer at the moment", "stripe_unavailable"),
        ({"status": 429}, 503, "Very many people", "rate_limited"),
        (
            {
                "status": 400,
                "error_type": "invalid_request_error",
                "message": "This subscription cannot be updated because the subscription update"
                " feature in the portal configuration is disabled.",
            },
            409,
            "which is our fault",
            "flow_disabled",
        ),
        (
            {"status": 403, "error_type": "invalid_request_error", "message": "rk_test_***abc"},
            409,
            "which is our fault",
            "permission_denied",
        ),
    ],
)
def test_when_stripe_refuses_the_use_is_given_back_and_the_page_says_what_to_do(
    stage: Stage, fault: dict[str, Any], status: int, sentence: str, code: str
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    stage.control.fail_next(3, path="/v1/billing_portal/sessions", **fault)
    try:
        answer = stage.redeem(made["url"], CANCEL_SUBSCRIPTION)
    finally:
        stage.control.clear_faults()
    assert answer.status_code == status
    assert sentence in answer.text
    assert "Your link has not been used up." in answer.text
    assert "rk_test" not in answer.text
    assert uses(stage, made) == 0
    assert outcomes(stage, made)[-1] == ("customer", "refused", "Cancel subscription", code)
    assert stage.redeem(made["url"], CANCEL_SUBSCRIPTION).status_code == 303


def test_a_cancel_link_of_somebody_who_cancelled_meanwhile_offers_billing_home(
    stage: Stage,
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    leave(stage, org_id)
    browser = Browser().open(made["url"])
    assert browser.status == 200
    assert "Your subscription is already set to end on" in browser.page
    assert not browser.has_button("Cancel subscription")
    browser.press("Billing home")
    assert browser.has_button("Don't cancel plan") or browser.has_link("Don't cancel plan")
    assert [row[2] for row in outcomes(stage, made)] == ["Billing home", "Billing home"]


def test_a_button_pressed_after_the_state_changed_shows_the_change_first(stage: Stage) -> None:
    """Somebody who pressed "Cancel subscription" is not taken to a place with another name."""
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    leave(stage, org_id)
    answer = stage.redeem(made["url"], CANCEL_SUBSCRIPTION)
    assert answer.status_code == 409
    assert "already set to end" in answer.text
    assert uses(stage, made) == 0


def test_an_ex_subscribers_link_still_leads_to_the_invoices(stage: Stage) -> None:
    org_id, subscription_id = stage.subscriber()
    made = stage.create(org_id, SWITCH_PLAN)
    stage.v1.subscriptions.cancel(subscription_id)
    stage.settle()
    browser = Browser().open(made["url"])
    assert "Your subscription has ended." in browser.page
    assert browser.press("Billing home").address.startswith(stage.sandbox.url)


def test_a_checkout_link_of_somebody_who_subscribed_meanwhile_offers_billing_home(
    stage: Stage,
) -> None:
    org_id, customer_id = stage.customer()
    stage.settle()
    made = stage.create(org_id, CHECKOUT, target_lookup_key="pro_monthly")
    stage.subscribe(customer_id)
    stage.settle()
    browser = Browser().open(made["url"])
    assert "You have a subscription already." in browser.page
    assert not browser.has_button("Checkout")
    assert browser.has_button("Billing home")


def test_a_link_never_opens_another_customers_portal(stage: Stage) -> None:
    """Also where the organization has been given to another Stripe customer meanwhile."""
    org_id, customer_id = stage.customer()
    stage.settle()
    made = stage.create(org_id, BILLING_HOME)
    stage.v1.customers.delete(customer_id)
    stage.settle()
    _, other = stage.customer(org_id=org_id)
    stage.settle()
    page = patient.get(made["url"])
    assert page.status_code == 409
    assert "is not there any more" in page.text
    assert stage.redeem(made["url"], BILLING_HOME).status_code == 409
    assert stage.sessions(other) == 0


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "null"}, True),
        ({}, True),
    ],
)
def test_only_our_own_page_redeems_as_far_as_the_browser_tells(
    stage: Stage, headers: dict[str, str], accepted: bool
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    answer = stage.redeem(made["url"], BILLING_HOME, **headers)
    assert answer.status_code == (303 if accepted else 403)
    assert uses(stage, made) == int(accepted)


@pytest.mark.parametrize(
    "body", [b"", b"destination=Cancel+subscription", b"\xff\xfe=%ff", b"a" * 9000]
)
def test_a_press_that_names_no_destination_or_another_shows_the_page(
    stage: Stage, body: bytes
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    answer = patient.post(made["url"], content=body)
    assert answer.status_code == 409
    assert "<h1>Billing home</h1>" in answer.text
    assert uses(stage, made) == 0


def test_every_answer_forbids_caching_framing_referring_and_foreign_content(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    page = patient.get(made["url"])
    sent = stage.redeem(made["url"], BILLING_HOME)
    used = patient.get(made["url"])
    unknown = patient.get(f"{stage.url}/links/{unique('none')}")
    home = patient.get(sent.headers["location"]).text
    back = f"{stage.url}/return/" + home.partition("/return/")[2].partition('"')[0]
    for answer in (page, sent, used, unknown, patient.get(back), patient.get(f"{back}/status")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
    assert "<style" not in page.text
    assert "onclick" not in page.text


def test_guessing_tokens_is_slowed_down_and_others_are_not(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)

    def guess(address: str, url: str | None = None) -> httpx.Response:
        url = url or f"{stage.url}/links/{unique('guess')}"
        return patient.get(url, headers={"x-forwarded-for": address})

    def wait(answer: httpx.Response) -> int:
        return int(answer.headers.get("retry-after", 0))

    guesses = [guess("203.0.113.9") for _ in range(10)]
    assert [answer.status_code for answer in guesses] == [404] * 10
    # One more may be let through in between; whoever used that up has seconds to wait.
    while wait(guesses[-1]) < 3:
        guesses.append(guess("203.0.113.9"))
    assert guesses[-1].status_code == 429
    assert guess("203.0.113.9", made["url"]).status_code == 429, "not even a hit would be told"
    assert guess("203.0.113.10", made["url"]).status_code == 200
