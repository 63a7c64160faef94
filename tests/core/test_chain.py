"""Why, as a chain of steps; what fits next; and all of it as text for a ticket."""

from datetime import timedelta

import pytest

from billing_core import queries
from billing_core.config import AccessPolicy
from billing_core.dashboard import dashboard_url
from billing_core.destinations import BILLING_HOME, CHECKOUT, UPDATE_PAYMENT_METHOD
from billing_core.next_steps import next_steps
from billing_core.rows import OrganizationView
from billing_core.sentences import Words
from billing_core.sentences.chain import Step, chain
from billing_core.sentences.ticket import ticket_text
from billing_core.settings import Settings
from tests.core.company import CONFIG, START, Company, price, subscription

WORDS = Words(CONFIG)


def view_of(company: Company, org_id: str = "org_acme") -> OrganizationView:
    with company.reader.connect() as connection:
        found = queries.organization(connection, org_id, config=company.config)
    assert found is not None
    return found


def steps_of(company: Company, words: Words = WORDS) -> dict[str, Step]:
    return {step.title: step for step in chain(view_of(company), words)}


def advice(company: Company, org_id: str = "org_acme") -> list[str | None]:
    return [step.destination for step in next_steps(view_of(company, org_id), now=company.now)]


def test_the_chain_leads_from_stripes_event_to_the_row(company: Company) -> None:
    company.subscribe("org_acme", quantity=3)
    steps = chain(view_of(company), WORDS)
    assert [(step.title, step.value) for step in steps] == [
        ("Stripe said", "`customer.subscription.created`"),
        ("Subscription", "`active`"),
        ("Access rule", "Gives access"),
        ("Price", "3 × €49.00 a month"),
        ("Plan", "Pro"),
        ("Entitlement", "Access: yes"),
    ]
    assert steps[0].detail == "Event `evt_000002`"
    assert steps[0].at == START
    assert steps[3].because == "`pro_monthly`"
    assert steps[4].detail == "`[plans.pro]` in billing.toml"


def test_the_policy_is_named_where_it_decides(company: Company) -> None:
    company.subscribe("org_acme", status="past_due")
    assert steps_of(company)["Access rule"].because == "`past_due = true`"
    company.config = CONFIG.model_copy(update={"access": AccessPolicy(past_due=False)})
    company.subscribe("org_strict", status="past_due")
    strict = chain(view_of(company, "org_strict"), Words(company.config))
    assert [(s.value, s.because, s.tone) for s in strict if s.title == "Access rule"] == [
        ("Gives none", "`past_due = false`", "bad")
    ]


def test_an_unmapped_price_is_said_to_be_none_of_the_plans(company: Company) -> None:
    company.subscribe("org_acme", price(None, price_id="price_2019"))
    steps = steps_of(company)
    assert (steps["Plan"].value, steps["Plan"].tone) == ("Unmapped", "warn")
    assert steps["Price"].because == "No lookup key"
    assert steps["Entitlement"].value == "Access: yes"
    told = next_steps(view_of(company), now=company.now)
    assert "`price_2019`" in told[0].sentence
    assert told[0].destination is None


def test_of_several_subscriptions_the_chain_says_why_this_one(company: Company) -> None:
    company.subscribe("org_acme", price("pro_monthly"), price(None, price_id="price_storage"))
    assert steps_of(company)["Plan"].because == "1 add-on beside it"
    company.later(days=1)
    unpaid = subscription("sub_unpaid", "cus_acme", status="unpaid", start=company.now)
    company.event("customer.subscription.created", unpaid)
    assert steps_of(company)["Subscription"].because == "The one of 2 that gives access"
    another = subscription("sub_new", "cus_acme", price("team_monthly"), start=company.now)
    company.event("customer.subscription.created", another)
    step = steps_of(company)["Subscription"]
    assert (step.because, step.detail) == ("The newest of 2 that give access", "`sub_new`")


def test_who_never_subscribed_has_a_short_chain(company: Company) -> None:
    company.add("organizations", org_id="org_acme", name="New", imported_at=company.now)
    steps = chain(view_of(company), WORDS)
    assert [(step.title, step.value) for step in steps] == [
        ("Stripe said", "Nothing yet"),
        ("Entitlement", "Access: no"),
    ]
    assert advice(company) == [CHECKOUT]


@pytest.mark.parametrize(
    ("status", "destinations"),
    [
        ("active", []),
        ("trialing", []),
        ("past_due", [UPDATE_PAYMENT_METHOD, BILLING_HOME]),
        ("unpaid", [BILLING_HOME, UPDATE_PAYMENT_METHOD]),
        ("incomplete", [UPDATE_PAYMENT_METHOD, BILLING_HOME]),
        ("incomplete_expired", [CHECKOUT, BILLING_HOME]),
        ("paused", [BILLING_HOME, UPDATE_PAYMENT_METHOD]),
        ("canceled", [CHECKOUT, BILLING_HOME]),
        ("hibernating", [None]),
    ],
)
def test_what_next_fits_the_state(
    company: Company, status: str, destinations: list[str | None]
) -> None:
    company.subscribe("org_acme", status=status)
    assert advice(company) == destinations


def test_who_leaves_can_undo_it_and_a_missing_end_is_for_operations(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.change(made, cancel_at=int((START + timedelta(days=9)).timestamp()))
    assert advice(company) == [BILLING_HOME]
    company.later(days=10)
    assert advice(company) == [None], "an end that has passed is not undone"


def test_a_ticket_says_who_what_why_and_what_happened_last(company: Company) -> None:
    made = company.subscribe("org_acme", name="Acme Robotics", email="ada@acme.example")
    company.later(days=3)
    company.change(made, cancel_at=int((START + timedelta(days=9)).timestamp()))
    with company.reader.connect() as connection:
        told = queries.timeline(connection, "org_acme", config=CONFIG)
    text = ticket_text(
        view_of(company), told.entries, WORDS, status="Active, winding down", as_of=company.now
    )
    assert text == (
        "Acme Robotics (org_acme)\n"
        "E-mail: ada@acme.example\n"
        "Stripe customer: cus_acme\n"
        "Subscription: sub_acme\n"
        "As of 2026-06-04 09:00 UTC\n"
        "\n"
        "Status: Active, winding down\n"
        "Access: yes\n"
        "Plan: Pro\n"
        "Seats: 1\n"
        "Amount: €49.00 a month\n"
        "Ends: 2026-06-10 09:00 UTC\n"
        "Period until: 2026-07-01 09:00 UTC\n"
        "\n"
        "Has access because Stripe last said active on 4 June 2026 (event evt_000003). It is set to"
        " end on 10 June 2026; access stays until Stripe reports the end.\n"
        "\n"
        "Last events:\n"
        "- 2026-06-04 09:00 UTC  The subscription was set to end on 10 June 2026. [evt_000003]\n"
        "- 2026-06-01 09:00 UTC  A subscription to Pro monthly began. [evt_000002]\n"
        "- 2026-06-01 09:00 UTC  The Stripe customer of org_acme was created. [evt_000001]\n"
    )


def test_a_ticket_names_the_zone_of_days_that_are_not_those_of_utc(company: Company) -> None:
    company.subscribe("org_acme")
    with company.reader.connect() as connection:
        told = queries.timeline(connection, "org_acme", config=CONFIG)
    text = ticket_text(
        view_of(company),
        told.entries,
        WORDS,
        status="Active",
        as_of=company.now,
        days_in="Asia/Tokyo",
    )
    assert "Last events, whose sentences tell days in Asia/Tokyo:" in text


def settings(key: str, **more: str) -> Settings:
    return Settings(_env_file=None, stripe_api_key=key, **more)  # type: ignore[arg-type]


def test_stripes_dashboard_is_linked_in_the_accounts_mode_and_not_for_the_sandbox() -> None:
    host = "https://dashboard.stripe.com"
    assert dashboard_url(settings("rk_live_x"), "customers", "cus_1") == f"{host}/customers/cus_1"
    tested = dashboard_url(settings("rk_test_x"), "customers", "cus_1")
    assert tested == f"{host}/test/customers/cus_1"
    connected = settings("rk_live_x", stripe_account="acct_1")
    assert dashboard_url(connected, "customers", "cus_1") == f"{host}/acct_1/customers/cus_1"
    hostile = dashboard_url(settings("rk_live_x"), "customers", "../../x?y")
    assert hostile == f"{host}/customers/..%2F..%2Fx%3Fy"
    sandbox = settings("sk_test_x", stripe_api_base="http://127.0.0.1:1")
    assert dashboard_url(sandbox, "customers", "cus_1") is None
