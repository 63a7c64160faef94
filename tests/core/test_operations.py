"""Webhook health, the overview, prices and the audit log, read."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from billing_core import lags, queries
from billing_core.queries import AuditFilters, missed, volume
from billing_core.rows import TypeVolume
from tests.core.company import CONFIG, START, Company, customer, price

NOW = START + timedelta(hours=6)


def test_health_tells_lag_backlog_and_what_is_in_doubt(company: Company) -> None:
    for number in range(20):
        company.subscribe(f"org_{number}")
        company.later(seconds=10)
    company.event(
        "customer.subscription.updated",
        {"id": "sub_0", "customer": "cus_0", "object": "subscription"},
        {},
    )
    odd = company.subscribe("org_odd", price(None, price_id="price_2019"))
    company.event("customer.subscription.updated", {**odd, "collection_method": "send_invoice"})
    company.event("customer.subscription.updated", {**odd, "trial_end": 1})
    company.add(
        "webhook_events",
        event_id="evt_waits",
        type="x.y",
        outcome="pending",
        created=START,
        received_at=START + timedelta(hours=1),
    )
    with company.reader.connect() as connection:
        health = queries.webhook_health(connection, NOW)
        parked = queries.parked_events(connection)

    assert health.last_received_at == START + timedelta(hours=1)
    assert health.last_created_at == company.now
    assert (health.backlog.value, health.oldest_pending_at) == (1, START + timedelta(hours=1))
    assert health.parked.value == 1
    assert (
        parked.rows[0].error == "This event cannot be understood: the subscription has no status."
    )
    assert health.receive_lag is not None
    assert health.receive_lag.p50 == pytest.approx(2.0, rel=0.2)
    assert health.apply_lag is not None
    assert health.apply_lag.p99 == pytest.approx(0.02, rel=0.2)
    assert health.receive_lag_now is None
    assert [suspect.object_id for suspect in health.suspects] == ["sub_odd"]
    assert [(p.price_id, p.subscriptions.value) for p in health.unmapped_prices] == [
        ("price_2019", 1)
    ]
    assert health.usual_gap_seconds is not None


def test_health_of_an_empty_company_is_empty(company: Company) -> None:
    with company.reader.connect() as connection:
        health = queries.webhook_health(connection, NOW)
        overview = queries.overview_counts(connection, NOW)
    assert health.last_received_at is None
    assert health.receive_lag is None
    assert health.apply_lag is None
    assert health.usual_gap_seconds is None
    assert not (health.suspects or health.unmapped_prices)
    assert health.usual_quiet_seconds == 0
    assert str(overview.organizations) == "0"


def test_an_add_on_beside_a_plan_and_an_ended_subscription_are_not_called_unmapped(
    company: Company,
) -> None:
    company.subscribe("org_a", price(), price(None, price_id="price_storage"))
    company.subscribe("org_b", price(None, price_id="price_gone"), status="canceled")
    with company.reader.connect() as connection:
        assert queries.unmapped_prices(connection) == ()


def test_volume_is_read_from_the_roll_ups(company: Company) -> None:
    for hour in range(3):
        for outcome in ("ignored", "applied"):
            company.add(
                "event_rollups",
                hour=START + timedelta(hours=hour),
                type="invoice.paid",
                outcome=outcome,
                events=hour,
                deliveries=hour + 1,
            )
    since = START + timedelta(hours=1, minutes=30)
    with company.reader.connect() as connection:
        hours = volume.volume_by_hour(connection, since)
        types = volume.volume_by_type(connection, since)
    assert [(v.hour, v.outcome, v.events) for v in hours] == [
        (START + timedelta(hours=hour), outcome, hour)
        for hour in (1, 2)
        for outcome in ("applied", "ignored")
    ]
    assert types == (
        TypeVolume("invoice.paid", "applied", 3, 5),
        TypeVolume("invoice.paid", "ignored", 3, 5),
    )


def test_percentiles_read_off_the_histograms_are_right_to_within_a_fifth(company: Company) -> None:
    """A thousand lags from a millisecond to a day, compared with the very numbers."""
    chance = random.Random(7)
    took = [10 ** chance.uniform(0, 7.9) for _ in range(1000)]
    counted = Counter(lags.bucket_of(int(each)) for each in took)
    for bucket, events in counted.items():
        company.add("event_lags", hour=START, leg="receive", bucket=bucket, events=events)
    with company.reader.connect() as connection:
        found = volume.over(volume.lags_by_hour(connection, START), lags.Leg.RECEIVE)
    assert found is not None
    assert found.samples == 1000
    for share, seconds in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        exact = sorted(took)[int(share * 1000) - 1] / 1000
        assert seconds == pytest.approx(exact, rel=0.2)


def test_quiet_hours_that_come_every_night_are_usual_and_one_fault_is_not(
    company: Company,
) -> None:
    for day in range(3):
        for hour in (*range(6, 24), 0):
            at = START.replace(hour=0) + timedelta(days=day, hours=hour or 24)
            if day != 1 or hour not in range(8, 20):
                company.add("event_versions", hour=at, api_version="2026", events=1)
    with company.reader.connect() as connection:
        health = queries.webhook_health(connection, START + timedelta(days=3))
    assert health.usual_quiet_seconds == 7 * 3600


def test_parked_events_are_paged_from_the_newest(company: Company) -> None:
    for number in range(7):
        company.add(
            "webhook_events",
            event_id=f"evt_{number}",
            type="x.y",
            outcome="parked",
            created=START,
            received_at=START + timedelta(minutes=number // 2),
        )
    seen: list[str] = []
    cursor = None
    with company.reader.connect() as connection:
        while True:
            page = queries.parked_events(connection, after=cursor, limit=3)
            seen += [row.event_id for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == [f"evt_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


def test_drift_is_read_with_both_values_and_its_organization(company: Company) -> None:
    company.subscribe("org_a")
    company.add(
        "drift",
        found_at=START,
        subscription_id="sub_a",
        field="status",
        ours="past_due",
        stripes="active",
        event_id="evt_000002",
    )
    with company.reader.connect() as connection:
        [found] = missed.drift_found(connection)
        counted = missed.drift_count(connection, START)
    assert (found.ours, found.stripes, found.org_id) == ("past_due", "active", "org_a")
    assert counted.value == 1


def test_the_overview_counts_each_state(company: Company) -> None:
    company.subscribe("org_a")
    company.subscribe("org_b", status="past_due")
    made = company.subscribe("org_c", status="trialing")
    company.later(seconds=5)
    company.change(made, cancel_at=int((START + timedelta(hours=1)).timestamp()))
    company.subscribe("org_d", price(None, price_id="price_2019"), status="unpaid")
    company.event("customer.created", customer("cus_x", org_id="org_a"))
    with company.reader.connect() as connection:
        counts = queries.overview_counts(connection, NOW)
        changes = queries.newest_changes(connection, limit=1)
    assert counts.organizations.value == 5
    assert counts.with_access.value == 3
    assert counts.trialing.value == counts.past_due.value == counts.unpaid.value == 1
    assert counts.winding_down.value == counts.overdue.value == 1
    assert counts.unmapped.value == counts.conflicting_claims.value == 1
    assert changes[0].org_id == "cus_x"


def test_the_price_behind_a_lookup_key_is_the_one_that_got_it_last(company: Company) -> None:
    company.event("price.created", price("pro_monthly", price_id="price_1", amount=4000))
    company.later(days=1)
    company.event("price.created", price("pro_monthly", price_id="price_2", amount=4900))
    company.event(
        "price.updated", price(None, price_id="price_1", amount=4000), {"lookup_key": "pro_monthly"}
    )
    with company.reader.connect() as connection:
        choices = queries.prices(connection, config=CONFIG)
    assert [choice.lookup_key for choice in choices] == list(CONFIG.plan_by_lookup_key)
    assert (choices[0].price_id, choices[0].unit_amount) == ("price_2", 4900)
    assert (choices[1].price_id, choices[1].unit_amount) == (None, None)


def test_the_audit_log_is_read_newest_first_each_entry_with_how_it_went(company: Company) -> None:
    def entry(audit_id: int, outcome: str, **more: object) -> None:
        company.add(
            "audit_log",
            audit_id=audit_id,
            at=START + timedelta(minutes=audit_id),
            role="support",
            previous_hash="0",
            hash=str(audit_id),
            outcome=outcome,
            **{"actor": "ada", "action": "portal_link.mint", **more},
        )

    entry(1, "begun", org_id="org_a", reason="ticket")
    entry(2, "begun", org_id="org_b")
    entry(3, "minted", follows=1)
    entry(4, "denied", actor="mallory")
    entry(5, "refused", follows=2, detail="no_customer")

    def read(
        after: str | None = None, limit: int = 50, **filters: object
    ) -> list[tuple[int, str | None]]:
        with company.reader.connect() as connection:
            page = queries.audit_entries(
                connection,
                AuditFilters(**filters),  # type: ignore[arg-type]
                after=after,
                limit=limit,
            )
        return [(row.audit_id, row.completed) for row in page.rows]

    assert read() == [(4, None), (2, "refused"), (1, "minted")]
    assert read(outcome="minted") == [(1, "minted")]
    assert read(outcome="denied") == [(4, None)]
    assert read(outcome="begun") == []
    assert read(actor="mallory") == [(4, None)]
    assert read(org_id="org_b") == [(2, "refused")]
    assert read(since=START + timedelta(minutes=2), until=START + timedelta(minutes=4)) == [
        (2, "refused")
    ]
    with company.reader.connect() as connection:
        page = queries.audit_entries(connection, limit=2)
        rest = queries.audit_entries(connection, after=page.next_cursor, limit=2)
    assert [row.audit_id for row in rest.rows] == [1]
    assert page.rows[1].detail == "no_customer"
