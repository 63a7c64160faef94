"""How far the picture can be trusted, in one honest sentence."""

from datetime import datetime

from billing_core.rows import WebhookHealth
from console.viewer import ago, lasting

_QUIET_SECONDS = 15 * 60


def freshness(health: WebhookHealth, now: datetime, *, listening: bool) -> tuple[str, str]:
    """The sentence and its tone: info, good, warn or bad.

    ``listening`` says whether the listener is there to store what Stripe sends.
    """
    if not listening:
        return f"{_last(health, now)} What came since is not stored yet.", "warn"
    if health.parked.value:
        events = "event waits" if health.parked.value == 1 else "events wait"
        waiting = f"{health.parked} {events} for an operator: what they say is not shown yet."
        return f"{waiting} {_last(health, now)}", "bad"
    if health.oldest_pending_at is not None and health.backlog.value:
        waited = (now - health.oldest_pending_at).total_seconds()
        if waited > 10:
            behind = f"{health.backlog} events are stored and not applied yet"
            return f"Catching up: {behind}, the oldest for {lasting(waited)}.", "warn"
    if health.last_received_at is None:
        return "Stripe has sent nothing yet.", "info"
    silence = (now - health.last_received_at).total_seconds()
    usual = health.usual_gap_seconds
    if usual is not None and silence > max(_QUIET_SECONDS, 20 * usual):
        gap = f"the usual gap is {lasting(usual)}"
        return f"Stripe has sent nothing for {lasting(silence)}; {gap}.", "warn"
    return f"All caught up: last event {ago(health.last_received_at, now)}.", "good"


def _last(health: WebhookHealth, now: datetime) -> str:
    if health.last_received_at is None:
        return "Stripe has sent nothing yet."
    return f"Last event {ago(health.last_received_at, now)}."
