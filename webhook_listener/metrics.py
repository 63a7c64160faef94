"""What ``/metrics`` tells Prometheus; one registry for each app, none shared by the process."""

import threading
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from webhook_listener.projection import PROJECTIONS
from webhook_listener.tally import LAG_SECONDS, Lags, Tally

_LATENCY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1, 5)


class Metrics:
    """Counters that the writer and the routes raise, and gauges read off the database."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self.registry = registry
        self.received = Counter(
            "billing_webhook_received", "Deliveries that were stored.", registry=registry
        )
        self.duplicates = Counter(
            "billing_webhook_duplicates", "Stored deliveries of known events.", registry=registry
        )
        self.rejected = Counter(
            "billing_webhook_rejected",
            "Deliveries that were not stored.",
            ["reason"],
            registry=registry,
        )
        self.outcomes = Counter(
            "billing_webhook_outcomes",
            "Events by what became of them.",
            ["type", "outcome"],
            registry=registry,
        )
        self.acknowledge_seconds = Histogram(
            "billing_webhook_acknowledge_seconds",
            "From the first byte of a delivery to its commit.",
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )
        self._apply_lag = _Summed(
            "billing_webhook_apply_lag_seconds", "From receipt to the rows that follow from it."
        )
        self._receive_lag = _Summed(
            "billing_webhook_receive_lag_seconds", "From Stripe's time of an event to its receipt."
        )
        registry.register(self._apply_lag)
        registry.register(self._receive_lag)
        self.projector_up = Gauge(
            "billing_projector_up",
            "1 while the process that applies events runs.",
            registry=registry,
        )
        self._projector_deaths = Counter(
            "billing_projector_deaths",
            "How often that process died and was started again.",
            registry=registry,
        )
        self.last_event = Gauge(
            "billing_webhook_last_event_timestamp_seconds",
            "Stripe's time of the newest applied event.",
            registry=registry,
        )
        self.backlog = Gauge(
            "billing_webhook_backlog",
            "Stored events that wait (counted to 100000).",
            registry=registry,
        )
        self.oldest_pending_seconds = Gauge(
            "billing_webhook_oldest_pending_seconds",
            "Age of the oldest event that waits; 0 where none does.",
            registry=registry,
        )
        self.parked = Gauge(
            "billing_webhook_parked",
            "Events parked for a person (counted to 100000).",
            registry=registry,
        )
        self.asked = Counter(
            "billing_stripe_suspects_asked",
            "Subscriptions that Stripe was asked about.",
            registry=registry,
        )
        self.drift = Counter(
            "billing_stripe_drift", "Fields that stood otherwise at Stripe.", registry=registry
        )
        self._reconcile_runs = Counter(
            "billing_reconcile_runs", "Walks over Stripe's events.", ["result"], registry=registry
        )
        self._reconcile_found = Counter(
            "billing_reconcile_found", "Events that no webhook had brought.", registry=registry
        )
        self.last_received = Gauge(
            "billing_webhook_last_received_timestamp_seconds",
            "When the newest event in the database was received.",
            registry=registry,
        )
        self.last_reconcile = Gauge(
            "billing_reconcile_last_done_timestamp_seconds",
            "When Stripe's events were last walked over to the end; 0 where never.",
            registry=registry,
        )
        self.alerts = Counter(
            "billing_alerts",
            "Notices to ops by target and whether they were delivered.",
            ["target", "result"],
            registry=registry,
        )
        self._wrong = Gauge(
            "billing_condition",
            "1 for each thing that is wrong by [alerts] in billing.toml; told by one listener.",
            ["condition"],
            registry=registry,
        )
        self._newest = 0.0

    def wrong(self, names: Iterable[str]) -> None:
        """Show these conditions as on, and no other."""
        self._wrong.clear()
        for name in names:
            self._wrong.labels(name).set(1)

    def reconciled(self, result: str, *, missing: int) -> None:
        """Count a walk over Stripe's events: ``done`` or ``failed``, and what it found."""
        self._reconcile_runs.labels(result).inc()
        self._reconcile_found.inc(missing)

    def applied(self, told: Tally) -> None:
        """Count events that got their outcome."""
        for type_, outcome, count in told.outcomes:
            kind = type_ if type_ in PROJECTIONS else "other"
            self.outcomes.labels(kind, outcome).inc(count)
        self._apply_lag.add(told.apply_lag)
        self._receive_lag.add(told.receive_lag)
        if told.newest > self._newest:
            self._newest = told.newest
            self.last_event.set(told.newest)

    def projector_died(self) -> None:
        """Count a projector's death."""
        self._projector_deaths.inc()

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


class _Summed(Collector):
    """A histogram of lags that were counted elsewhere."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name = name
        self._documentation = documentation
        self._adding = threading.Lock()
        self._lags = Lags()

    def add(self, lags: Lags) -> None:
        """Count these as well."""
        with self._adding:
            self._lags.add(lags)

    def collect(self) -> Iterable[Metric]:
        """What Prometheus is told."""
        with self._adding:
            below = list(accumulate(self._lags.counts))
            total = self._lags.total
        bounds = [*(str(bound) for bound in LAG_SECONDS), "+Inf"]
        buckets = list(zip(bounds, below, strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets, total)
