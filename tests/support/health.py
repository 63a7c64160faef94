"""A listener that is well, for what judges how things stand."""

from datetime import UTC, datetime, timedelta

from billing_core.rows import Count, WebhookHealth

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


def health(**more: object) -> WebhookHealth:
    """How a healthy one stands at ``NOW``, but for ``more``."""
    values: dict[str, object] = {
        "last_received_at": NOW - timedelta(seconds=4),
        "last_created_at": NOW - timedelta(seconds=5),
        "usual_gap_seconds": 180.0,
        "backlog": Count(0),
        "oldest_pending_at": None,
        "parked": Count(0),
        "receive_lag": None,
        "apply_lag": None,
        "suspects": (),
        "unmapped_prices": (),
    }
    return WebhookHealth(**(values | more))  # type: ignore[arg-type]
