"""An organization as it was: what came late, what was pruned, what was another's."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from billing_core import queries
from billing_core.rows import PastView
from tests.core.company import CONFIG, START, Company, T, customer, subscription


def as_of(company: Company, at: datetime, org_id: str = "org_acme") -> PastView:
    with company.reader.connect() as connection:
        found = queries.organization_as_of(connection, org_id, at, config=CONFIG)
    assert found is not None
    return found


def test_a_moment_is_told_by_what_was_true_then(company: Company) -> None:
    made = company.subscribe("org_acme", quantity=2)
    company.later(days=10)
    end = START + timedelta(days=30)
    leaving = company.change(made, cancel_at=int(end.timestamp()))
    company.now = end
    over = {**leaving, "status": "canceled", "ended_at": int(end.timestamp())}
    company.event("customer.subscription.deleted", over)

    begun = as_of(company, START + timedelta(days=5))
    assert begun.view.entitlement.plan_name == "Pro"
    assert begun.view.entitlement.quantity == 2
    assert begun.view.entitlement.ends_at is None
    assert begun.view.subscriptions[0].facts.status == "active"
    assert (begun.previous_at, begun.next_at) == (None, START + timedelta(days=10))
    leaving_then = as_of(company, START + timedelta(days=10))
    assert leaving_then.view.entitlement.winding_down
    assert leaving_then.view.entitlement.ends_at == end
    assert leaving_then.view.entitlement.last_event_id == "evt_000003"
    assert (leaving_then.previous_at, leaving_then.next_at) == (START, end)
    assert not as_of(company, end).view.entitlement.has_access
    before = as_of(company, START - timedelta(days=1))
    assert before.change is None
    assert before.view.subscriptions == ()
    assert before.view.entitlement.status == "none"


def test_what_reached_us_late_says_what_was_believed_meanwhile(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.later(days=1)
    arrived = company.now + timedelta(hours=5)
    company.event(
        "customer.subscription.updated",
        {**made, "status": "unpaid"},
        {"status": "active"},
        received=arrived,
    )
    meanwhile = as_of(company, company.now + timedelta(hours=1))
    assert meanwhile.view.entitlement.status == "unpaid"
    assert meanwhile.learnt_late
    assert meanwhile.change is not None
    assert meanwhile.change.learnt_at == arrived
    assert meanwhile.believed is not None
    assert (meanwhile.believed.status, meanwhile.believed.has_access) == ("active", True)
    known = as_of(company, company.now + timedelta(hours=6))
    assert (known.learnt_late, known.believed) == (False, None)


def test_a_late_event_takes_effect_after_what_was_already_known(company: Company) -> None:
    """Nobody is shown access before it began because something older came afterwards."""
    company.event("customer.created", customer("cus_acme", org_id="org_acme"))
    company.later(days=5)
    newer = subscription("sub_new", "cus_acme", start=company.now)
    company.event("customer.subscription.created", newer)
    company.now = START + timedelta(days=3)
    older = subscription("sub_old", "cus_acme", start=START, status="past_due")
    company.event("customer.subscription.created", older)
    assert not as_of(company, START + timedelta(days=4)).view.entitlement.has_access
    assert as_of(company, START + timedelta(days=5)).view.entitlement.has_access


def test_pruned_events_leave_the_entitlement_and_say_what_they_cannot_tell(
    company: Company,
) -> None:
    company.subscribe("org_acme")
    company.later(days=3)
    with company.engine.begin() as connection:
        connection.execute(delete(T["webhook_payloads"]))
    then = as_of(company, company.now)
    assert then.view.entitlement.has_access
    assert then.view.subscriptions == ()
    assert then.untold == ("sub_acme",)


def test_a_customers_past_comes_along_to_the_organization_that_it_turns_out_to_be(
    company: Company,
) -> None:
    company.event("customer.created", customer("cus_1", name="Acme"))
    company.event("customer.subscription.created", subscription("sub_1", "cus_1"))
    company.later(days=2)
    claimed = customer("cus_1", name="Acme", org_id="org_acme")
    company.event("customer.updated", claimed, {"metadata": {}})
    assert as_of(company, START + timedelta(days=1)).view.entitlement.plan_name == "Pro"


def test_a_past_that_was_another_organizations_is_not_told_as_ones_own(company: Company) -> None:
    company.event("customer.created", customer("cus_old", created=START - timedelta(days=9)))
    company.event(
        "customer.subscription.created",
        subscription("sub_old", "cus_old", status="unpaid", start=START),
    )
    company.later(days=1)
    company.subscribe("org_acme")
    company.later(days=2)
    claimed = customer("cus_old", org_id="org_acme", created=START - timedelta(days=9))
    company.event("customer.updated", claimed, {"metadata": {}})
    with company.reader.connect() as connection:
        present = queries.organization(connection, "org_acme", config=CONFIG)
    now = as_of(company, company.now)
    assert present is not None
    assert now.view.entitlement.status == present.entitlement.status
    assert now.view.subscriptions == present.subscriptions


def test_an_unknown_organization_has_no_past(company: Company) -> None:
    with company.reader.connect() as connection:
        assert queries.organization_as_of(connection, "nobody", START, config=CONFIG) is None
