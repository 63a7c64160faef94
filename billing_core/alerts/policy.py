"""``[alerts]`` in ``billing.toml``: from when on something is wrong. 0 turns a threshold off."""

from pydantic import Field

from billing_core.configuration.section import Section


class AlertPolicy(Section):
    """Thresholds that turn a number red and send an alert.

    Lags are judged by the last hour's events, drift and recovered events by the last day's.
    Silence is judged by the usual gap between events, and never before ``silence_least_seconds``.
    """

    receive_lag_seconds: int = Field(default=300, ge=0)
    apply_lag_seconds: int = Field(default=60, ge=0)
    backlog: int = Field(default=1000, ge=0)
    oldest_pending_seconds: int = Field(default=120, ge=0)
    parked: int = Field(default=1, ge=0)
    silence_times_usual_gap: int = Field(default=20, ge=0)
    silence_least_seconds: int = Field(default=900, ge=60)
    drift: int = Field(default=1, ge=0)
    recovered: int = Field(default=10, ge=0)
    reconcile_age_seconds: int = Field(default=3600, ge=0)
    unmapped_prices: int = Field(default=1, ge=0)
    suspect_minutes: int = Field(default=30, ge=0)
    endpoint: bool = True
    lasts_seconds: int = Field(default=60, ge=0)
    repeat_hours: int = Field(default=6, ge=1)
