"""What is called wrong: each threshold of ``[alerts]``, from when on, and that 0 turns it off."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing_core.alerts.conditions import judge
from billing_core.alerts.policy import AlertPolicy
from billing_core.rows import (
    Count,
    EndpointLook,
    EndpointRow,
    Percentiles,
    ReconcileRun,
    Reconciliation,
    Suspect,
    UnmappedPrice,
)
from tests.support.health import NOW, health


def wrong(policy: AlertPolicy | None = None, **more: Any) -> dict[str, str]:  # noqa: ANN401
    """What is wrong with a healthy listener that differs in this."""
    judged = judge(health(**more), policy or AlertPolicy(), NOW)
    return {each.name: each.sentence for each in judged}


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def walks(done: datetime, **more: Any) -> Reconciliation:  # noqa: ANN401
    values: dict[str, Any] = {
        "every_seconds": 600,
        "ran_at": done,
        "done_at": done,
        "asked_at": None,
        "error": None,
        "recovered_ever": 0,
        "beyond_retention": False,
        "runs": (),
        "backfill_stage": None,
        "backfill_read": 0,
        "backfill_finished_at": None,
    }
    return Reconciliation(**(values | more))


def run(at: datetime, missing: int, *, first: bool = False) -> ReconcileRun:
    return ReconcileRun(at, at, missing, missing, (), None, first)


def endpoint(status: str = "enabled", *missing: str) -> EndpointLook:
    row = EndpointRow("we_1", "https://x.example/webhooks/stripe", status, None, missing)
    return EndpointLook(NOW, row.url, None, (row,))


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    (
        "parked",
        "parked",
        {"parked": Count(2)},
        {"parked": Count(0)},
        "2 events wait for an operator",
    ),
    ("backlog", "backlog", {"backlog": Count(1000)}, {"backlog": Count(999)}, "1,000 events"),
    (
        "oldest_pending",
        "oldest_pending_seconds",
        {"oldest_pending_at": ago(seconds=121)},
        {"oldest_pending_at": ago(seconds=119)},
        "has waited 2 minutes",
    ),
    (
        "receive_lag",
        "receive_lag_seconds",
        {"receive_lag_now": Percentiles(1, 301, 400, 20)},
        {"receive_lag_now": Percentiles(1, 300, 900, 20)},
        "One in twenty of the last hour's events took 5 minutes or more to reach us from Stripe.",
    ),
    (
        "apply_lag",
        "apply_lag_seconds",
        {"apply_lag_now": Percentiles(61, 900, 900, 19)},
        {"apply_lag_now": Percentiles(59, 900, 900, 19)},
        "Half of the last hour's events took 1 minute or more",
    ),
    (
        "silence",
        "silence_times_usual_gap",
        {"last_received_at": ago(hours=2)},
        {"last_received_at": ago(minutes=59)},
        "Stripe has sent nothing for 2 hours; the usual gap is 3 minutes.",
    ),
    ("drift", "drift", {"drift": Count(1)}, {"drift": Count(0)}, "1 field stood otherwise"),
    (
        "recovered",
        "recovered",
        {"reconcile": walks(NOW, runs=(run(ago(hours=2), 6), run(ago(hours=9), 4)))},
        {"reconcile": walks(NOW, runs=(run(ago(hours=2), 9), run(ago(days=2), 90)))},
        "10 events of the last day came by reconcile alone",
    ),
    (
        "reconcile_age",
        "reconcile_age_seconds",
        {"reconcile": walks(ago(minutes=61), error="Stripe cannot be reached.")},
        {"reconcile": walks(ago(minutes=59))},
        "Stripe cannot be reached.",
    ),
    (
        "unmapped_prices",
        "unmapped_prices",
        {"unmapped_prices": (UnmappedPrice("price_1", None, None, None, Count(3)),)},
        {},
        "1 price is paid and belongs to no plan",
    ),
    (
        "suspects",
        "suspect_minutes",
        {"suspects": (Suspect("subscription", "sub_1", "active", ago(minutes=31)),)},
        {"suspects": (Suspect("subscription", "sub_1", "active", ago(minutes=29)),)},
        "for 1 object of Stripe's.",
    ),
    (
        "endpoint_disabled",
        "endpoint",
        {"endpoint": endpoint("disabled")},
        {"endpoint": endpoint()},
        "Stripe has disabled the webhook endpoint",
    ),
    (
        "endpoint_types",
        "endpoint",
        {"endpoint": endpoint("enabled", "customer.deleted")},
        {"endpoint": endpoint()},
        "does not send customer.deleted",
    ),
]


@pytest.mark.parametrize(("name", "threshold", "over", "under", "says"), CASES)
def test_a_threshold_is_judged_from_its_value_on_and_zero_turns_it_off(
    name: str, threshold: str, over: dict[str, Any], under: dict[str, Any], says: str
) -> None:
    found = wrong(**over)
    assert list(found) == [name]
    assert says in found[name]
    assert wrong(**under) == {}
    assert wrong(AlertPolicy(**{threshold: 0}), **over) == {}


@pytest.mark.parametrize(
    ("gap", "quiet", "silent", "is_wrong"),
    [
        (3.0, 0.0, timedelta(minutes=14), False),  # never before a quarter of an hour
        (3.0, 0.0, timedelta(minutes=16), True),
        (3600.0, 0.0, timedelta(hours=19), False),  # who has an event an hour waits longer
        (3600.0, 0.0, timedelta(hours=21), True),
        (180.0, 8 * 3600.0, timedelta(hours=7), False),  # every night is quiet
        (180.0, 8 * 3600.0, timedelta(hours=9), True),
        (None, 0.0, timedelta(days=9), False),  # too few to tell
    ],
)
def test_silence_is_judged_by_what_is_usual(
    gap: float | None, quiet: float, silent: timedelta, is_wrong: bool
) -> None:
    found = wrong(last_received_at=NOW - silent, usual_gap_seconds=gap, usual_quiet_seconds=quiet)
    assert ("silence" in found) is is_wrong


def test_what_the_first_walk_finds_was_not_missed() -> None:
    assert wrong(reconcile=walks(NOW, runs=(run(ago(hours=1), 500, first=True),))) == {}


def test_a_walk_that_is_not_made_by_the_clock_is_never_late() -> None:
    assert wrong(reconcile=walks(ago(days=9), every_seconds=0)) == {}


def test_nothing_is_wrong_with_a_listener_that_has_just_begun() -> None:
    assert wrong(last_received_at=None, last_created_at=None, usual_gap_seconds=None) == {}
