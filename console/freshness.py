"""How far the picture can be trusted, in one honest sentence."""

from datetime import datetime

from billing_core.alerts.conditions import Condition, judge
from billing_core.rows import WebhookHealth
from console import data
from console.viewer import ago, lasting

_NOTICEABLE_SECONDS = 10
# What the sentence tells of, the worst first, and how grave each is.
_TOLD = {
    "endpoint_disabled": "bad",
    "parked": "bad",
    "backlog": "warn",
    "oldest_pending": "warn",
    "silence": "warn",
    "receive_lag": "warn",
    "apply_lag": "warn",
    "reconcile_age": "warn",
}


def freshness(health: WebhookHealth, now: datetime, *, listening: bool) -> tuple[str, str]:
    """The sentence and its tone: info, good, warn or bad.

    ``listening`` says whether the listener is there to store what Stripe sends.
    """
    if not listening:
        return f"{_last(health, now)} What came since is not stored yet.", "warn"
    wrong = {condition.name: condition for condition in wrong_now(health, now)}
    for name in ("endpoint_disabled", "parked"):
        if name in wrong:
            return f"{wrong[name].sentence} {_last(health, now)}", _TOLD[name]
    behind = _behind(health, now)
    if behind is not None:
        return behind, "warn"
    for name, tone in _TOLD.items():
        if name in wrong:
            return wrong[name].sentence, tone
    if health.last_received_at is None:
        return "Stripe has sent nothing yet.", "info"
    return f"All caught up: last event {ago(health.last_received_at, now)}.", "good"


def wrong_now(health: WebhookHealth, now: datetime) -> tuple[Condition, ...]:
    """Everything that is wrong by ``[alerts]`` in ``billing.toml``."""
    return judge(health, data.config().alerts, now)


def _behind(health: WebhookHealth, now: datetime) -> str | None:
    if health.oldest_pending_at is None or not health.backlog.value:
        return None
    waited = (now - health.oldest_pending_at).total_seconds()
    if waited <= _NOTICEABLE_SECONDS:
        return None
    waits = "event is" if health.backlog.value == 1 else "events are"
    stored = f"{health.backlog} {waits} stored and not applied yet"
    return f"Catching up: {stored}, the oldest for {lasting(waited)}."


def _last(health: WebhookHealth, now: datetime) -> str:
    if health.last_received_at is None:
        return "Stripe has sent nothing yet."
    return f"Last event {ago(health.last_received_at, now)}."
