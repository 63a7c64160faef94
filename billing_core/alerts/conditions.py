"""What is wrong at present, judged by ``[alerts]``: the same for the console and for the alerts.

A sentence holds counts and lengths of time alone, never a customer's data, because it is sent out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing_core.alerts.policy import AlertPolicy
from billing_core.dates import lasting
from billing_core.rows import Count, Percentiles, WebhookHealth

_ENOUGH = 20  # below that, the slowest of twenty is just the slowest


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong for as long as it is reported; ``name`` stays the same meanwhile."""

    name: str
    title: str
    sentence: str


def judge(health: WebhookHealth, policy: AlertPolicy, now: datetime) -> tuple[Condition, ...]:
    """Everything that is wrong at ``now``, what costs customers first."""
    return (
        *_endpoint(health, policy),
        *_silence(health, policy, now),
        *_waiting(health, policy, now),
        *_late(health.receive_lag_now, policy.receive_lag_seconds, "receive_lag"),
        *_late(health.apply_lag_now, policy.apply_lag_seconds, "apply_lag"),
        *_missed(health, policy, now),
        *_doubtful(health, policy, now),
    )


def silence_after(health: WebhookHealth, policy: AlertPolicy) -> float | None:
    """After how many seconds without an event something is wrong; None where nothing tells.

    Nights and week-ends are quiet by nature: as long as it is quiet time and again is no silence.
    """
    if not policy.silence_times_usual_gap or health.usual_gap_seconds is None:
        return None
    return max(
        float(policy.silence_least_seconds),
        policy.silence_times_usual_gap * health.usual_gap_seconds,
        health.usual_quiet_seconds,
    )


def _silence(health: WebhookHealth, policy: AlertPolicy, now: datetime) -> Iterator[Condition]:
    after, last = silence_after(health, policy), health.last_received_at
    if after is None or last is None or (now - last).total_seconds() <= after:
        return
    yield Condition(
        "silence",
        "Silence",
        f"Stripe has sent nothing for {lasting((now - last).total_seconds())}; the usual gap is"
        f" {lasting(health.usual_gap_seconds or 0)}.",
    )


def _endpoint(health: WebhookHealth, policy: AlertPolicy) -> Iterator[Condition]:
    if not policy.endpoint or health.endpoint is None:
        return
    endpoints = health.endpoint.endpoints
    if endpoints and all(each.status == "disabled" for each in endpoints):
        yield Condition(
            "endpoint_disabled",
            "Endpoint disabled",
            "Stripe has disabled the webhook endpoint, so no event arrives. Enable it in Stripe's"
            " dashboard, Developers, Webhooks; then reconcile.",
        )
    missing = {name for each in endpoints for name in each.missing}
    if missing:
        some = ", ".join(sorted(missing)[:3]) + (" and others" if len(missing) > 3 else "")
        yield Condition(
            "endpoint_types",
            "Events not sent",
            f"The webhook endpoint does not send {some}. Add them in Stripe's dashboard.",
        )


def _waiting(health: WebhookHealth, policy: AlertPolicy, now: datetime) -> Iterator[Condition]:
    if _reaches(health.parked, policy.parked):
        waits = "event waits" if health.parked.value == 1 else "events wait"
        yield Condition(
            "parked",
            "Parked",
            f"{health.parked} {waits} for an operator: what they say is not shown yet.",
        )
    if _reaches(health.backlog, policy.backlog):
        yield Condition(
            "backlog", "Backlog", f"{health.backlog} events are stored and not applied yet."
        )
    oldest = health.oldest_pending_at
    if policy.oldest_pending_seconds and oldest is not None:
        waited = (now - oldest).total_seconds()
        if waited > policy.oldest_pending_seconds:
            yield Condition(
                "oldest_pending",
                "Oldest pending",
                f"The oldest event that is not applied yet has waited {lasting(waited)}.",
            )


def _late(lag: Percentiles | None, threshold: int, name: str) -> Iterator[Condition]:
    if not threshold or lag is None:
        return
    share, took = ("One in twenty", lag.p95) if lag.samples >= _ENOUGH else ("Half", lag.p50)
    if took <= threshold:
        return
    way = "to reach us from Stripe" if name == "receive_lag" else "to be applied once it was here"
    title = "From Stripe to us" if name == "receive_lag" else "From us to applied"
    yield Condition(
        name, title, f"{share} of the last hour's events took {lasting(took)} or more {way}."
    )


def _missed(health: WebhookHealth, policy: AlertPolicy, now: datetime) -> Iterator[Condition]:
    walks = health.reconcile
    if walks is None:
        return
    if policy.recovered and walks.recovered_since(now - timedelta(days=1)) >= policy.recovered:
        yield Condition(
            "recovered",
            "Missed events",
            f"{walks.recovered_since(now - timedelta(days=1)):,} events of the last day came by"
            " reconcile alone: no webhook had brought them.",
        )
    if policy.reconcile_age_seconds and walks.every_seconds and walks.done_at is not None:
        age = (now - walks.done_at).total_seconds()
        if age > max(policy.reconcile_age_seconds, 2 * walks.every_seconds):
            yield Condition(
                "reconcile_age",
                "Reconcile",
                f"Stripe was last asked for missed events {lasting(age)} ago."
                + (f" {walks.error}" if walks.error else ""),
            )


def _doubtful(health: WebhookHealth, policy: AlertPolicy, now: datetime) -> Iterator[Condition]:
    if _reaches(health.drift, policy.drift):
        fields = "field" if health.drift.value == 1 else "fields"
        yield Condition(
            "drift",
            "Drift",
            f"{health.drift} {fields} stood otherwise at Stripe in the last day; mended since.",
        )
    unmapped = len(health.unmapped_prices)
    if policy.unmapped_prices and unmapped >= policy.unmapped_prices:
        prices = "price is paid and belongs" if unmapped == 1 else "prices are paid and belong"
        yield Condition(
            "unmapped_prices", "Unmapped prices", f"{unmapped} {prices} to no plan of billing.toml."
        )
    if policy.suspect_minutes:
        since = now - timedelta(minutes=policy.suspect_minutes)
        lasting_ones = [one for one in health.suspects if one.since is None or one.since < since]
        if lasting_ones:
            count = len(lasting_ones)
            yield Condition(
                "suspects",
                "Order in doubt",
                f"The order of the last events has been in doubt for more than"
                f" {policy.suspect_minutes} minutes for {count}"
                f" {'object' if count == 1 else 'objects'} of Stripe's.",
            )


def _reaches(count: Count, threshold: int) -> bool:
    return bool(threshold) and count.value >= threshold
