"""An organization's story: in order, in sentences, with what each event changed."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from billing_core import queries
from billing_core.rows import TimelineEntry, TimelinePage
from tests.core.company import CONFIG, Company, T, customer, price


def page_of(
    company: Company, org_id: str = "org_acme", *, before: str | None = None, limit: int = 50
) -> TimelinePage:
    with company.reader.connect() as connection:
        return queries.timeline(connection, org_id, before=before, limit=limit, config=CONFIG)


def story(company: Company) -> list[str]:
    """The sentences worth telling, oldest first."""
    return [e.sentence for e in reversed(page_of(company).entries) if not e.quiet]


def entry(company: Company, event_id: str) -> TimelineEntry:
    return next(e for e in page_of(company).entries if e.event_id == event_id)


def audit(company: Company, audit_id: int, outcome: str, **more: object) -> None:
    company.add(
        "audit_log",
        **{
            "audit_id": audit_id,
            "at": company.now,
            "actor": "ada",
            "role": "support",
            "action": "portal_link.mint",
            "outcome": outcome,
            "org_id": "org_acme",
            "destination": "Cancel subscription",
            "previous_hash": "0",
            "hash": str(audit_id),
            **more,
        },
    )


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_the_story_of_a_cancellation_is_told_in_order(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.later(days=3)
    audit(company, 1, "begun", reason="ticket #12")
    audit(company, 2, "minted", follows=1)
    company.later(minutes=2)
    end = company.now + timedelta(days=27)
    canceling = company.change(made, cancel_at=seconds(end), canceled_at=seconds(company.now))
    company.later(seconds=20)
    asked = {"reason": "cancellation_requested", "feedback": "too_expensive", "comment": "Sorry!"}
    canceling = company.change(canceling, cancellation_details=asked)
    company.now = end
    ended = {**canceling, "status": "canceled", "ended_at": seconds(end)}
    company.event("customer.subscription.deleted", ended)

    assert story(company) == [
        "The Stripe customer of org_acme was created.",
        "A subscription to Pro monthly began.",
        "ada made a “Cancel subscription” link (ticket #12).",
        "The subscription was set to end on 1 July 2026.",
        "The customer said why: too expensive.",
        "The subscription to Pro monthly ended; the customer had asked for it on 4 June 2026.",
    ]


def test_an_entry_says_what_the_event_changed(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.later(days=1)
    end = company.now + timedelta(days=5)
    company.change(made, cancel_at=seconds(end))
    newest = page_of(company).entries[0]
    changed = {change.field: (change.before, change.after) for change in newest.changes}
    assert changed["ends_at"] == (None, end)
    assert changed["cancel_at"] == (None, end)
    assert "last_event_id" not in changed


def test_a_switch_names_both_plans_also_when_the_lookup_key_has_moved_since(
    company: Company,
) -> None:
    made = company.subscribe("org_acme", price("pro_monthly", price_id="price_old"))
    company.later(days=1)
    team = {**made["items"]["data"][0], "price": price("team_monthly"), "quantity": 3}
    changed = {**made, "items": {"object": "list", "data": [team]}}
    keyless = {**made["items"]["data"][0], "price": price(None, price_id="price_old")}
    company.event("customer.subscription.updated", changed, {"items": {"data": [keyless]}})
    assert story(company)[-1] == (
        "The plan changed from Pro monthly to Team monthly. The quantity changed from 1 to 3."
    )


def test_what_came_late_is_quiet_and_says_so(company: Company) -> None:
    made = company.subscribe("org_acme")
    company.later(days=2)
    company.change(made, status="past_due")
    company.now -= timedelta(days=1)
    company.event(
        "customer.subscription.updated",
        {**made, "quantity": 1},
        {"metadata": {}},
        event_id="evt_late",
    )
    late = entry(company, "evt_late")
    assert late.quiet
    assert late.details == ("Came after something newer, so it changed nothing.",)


def test_pages_join_without_a_gap_or_a_repeat_also_within_one_second(company: Company) -> None:
    company.subscribe("org_acme")
    for number in range(30):
        company.event("payment_method.attached", {"id": f"pm_{number}", "customer": "cus_acme"})
        if number % 4 == 0:
            audit(company, number + 1, "denied")
        if number % 10 == 0:
            company.later(seconds=1)
    everything = page_of(company, limit=200).entries
    pieces: list[TimelineEntry] = []
    cursor = None
    while True:
        page = page_of(company, before=cursor, limit=7)
        pieces += page.entries
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(pieces) == len(everything) == 40
    assert sorted(map(repr, pieces)) == sorted(map(repr, everything))


def test_refused_and_denied_links_are_told(company: Company) -> None:
    company.subscribe("org_acme")
    company.later(minutes=1)
    audit(company, 1, "begun", reason="x" * 200)
    audit(company, 2, "refused", follows=1, detail="already_canceling")
    company.later(minutes=1)
    audit(company, 3, "denied", actor="mallory")
    entries = page_of(company).entries
    assert entries[0].sentence == (
        "mallory tried to make a “Cancel subscription” link, which the role does not allow."
    )
    assert entries[1].sentence == (
        "ada tried to make a “Cancel subscription” link, which was refused (`already_canceling`)."
    )
    assert entries[1].details == (f"Reason: {'x' * 200}",)


def test_an_event_that_cannot_be_read_is_still_told(company: Company) -> None:
    company.subscribe("org_acme")
    company.later(seconds=5)
    company.event(
        "customer.subscription.updated",
        {"id": "sub_acme", "customer": "cus_acme", "object": "subscription", "status": 7},
        {"items": 3},
        event_id="evt_odd",
    )
    odd = entry(company, "evt_odd")
    assert odd.sentence == "The subscription changed in a way that cannot be read."
    assert odd.outcome == "parked"
    assert odd.details
    with company.engine.begin() as connection:
        connection.execute(update(T["webhook_payloads"]).values(body=b"\x00"))
    assert len(page_of(company).entries) == 3


def test_another_orgs_events_are_not_told(company: Company) -> None:
    company.subscribe("org_acme")
    company.subscribe("org_other")
    assert len(page_of(company).entries) == 2


def test_names_that_a_customer_chose_stand_as_they_are(company: Company) -> None:
    hostile = "**bold** <script>alert(1)</script>"
    company.subscribe("org_acme")
    company.later(seconds=1)
    before = customer("cus_acme", name="org_acme", org_id="org_acme")
    company.event("customer.updated", {**before, "name": hostile}, {"name": "org_acme"})
    assert story(company)[-1] == f"The customer is now called {hostile}."


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "WyJhIiwxLDJd", "WzEsMiwzXQ"])
def test_a_mangled_cursor_begins_at_the_newest(company: Company, cursor: str) -> None:
    company.subscribe("org_acme")
    assert len(page_of(company, before=cursor).entries) == 2


def test_a_links_way_to_the_customer_and_back_is_told(company: Company) -> None:
    company.subscribe("org_acme")
    link = {"link_id": "link_1", "action": "support_link.create", "reason": "ticket #7"}
    company.later(minutes=1)
    audit(company, 1, "created", **link)
    company.later(minutes=1)
    redeem = {"link_id": "link_1", "action": "support_link.redeem", "actor": "customer"}
    audit(company, 2, "begun", **redeem)
    audit(company, 3, "minted", follows=2, **redeem)
    company.later(minutes=1)
    audit(company, 4, "revoked", **{**link, "action": "support_link.revoke", "reason": None})
    assert story(company)[-3:] == [
        "ada made a “Cancel subscription” link to send (ticket #7).",
        "The customer went to “Cancel subscription” with the link.",
        "ada stopped the “Cancel subscription” link from working.",
    ]


def test_an_action_that_is_not_known_here_is_still_told(company: Company) -> None:
    company.subscribe("org_acme")
    company.later(minutes=1)
    audit(company, 1, "done", action="something.new", destination=None)
    assert story(company)[-1] == "ada: something, new (done)."


def test_within_one_second_what_staff_did_stands_before_the_events_it_led_to(
    company: Company,
) -> None:
    """Stripe's times are whole seconds, ours are not."""
    made = company.subscribe("org_acme")
    company.later(days=3)
    audit(company, 1, "begun", at=company.now + timedelta(milliseconds=400))
    end = company.now + timedelta(days=27)
    company.change(made, cancel_at=seconds(end), canceled_at=seconds(company.now))
    assert story(company)[-2:] == [
        "ada began to make a “Cancel subscription” link.",
        "The subscription was set to end on 1 July 2026.",
    ]
