"""Whether the picture can be trusted, and what needs attention."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from billing_core.rows.organizations import Count

_NONE = Count(0)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How long something took, in seconds, over ``samples`` of it."""

    p50: float
    p95: float
    p99: float
    samples: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in the inbox, without its payload."""

    event_id: str
    type: str
    outcome: str
    error: str | None
    org_id: str | None
    object_id: str | None
    api_version: str | None
    created: datetime
    received_at: datetime
    applied_at: datetime | None
    attempts: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, and where the next ones begin."""

    rows: tuple[EventRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LagHour:
    """How long the events that arrived within one hour took; None where none did."""

    hour: datetime
    receive: Percentiles | None
    apply: Percentiles | None


@dataclass(frozen=True, slots=True)
class OutcomeHour:
    """Events of one outcome that arrived within one hour."""

    hour: datetime
    outcome: str
    events: int


@dataclass(frozen=True, slots=True)
class TypeVolume:
    """Events of one type and outcome; ``deliveries`` counts repeats too."""

    type: str
    outcome: str
    events: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class VersionVolume:
    """Events that were rendered in one API version."""

    api_version: str
    events: int


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A field that stood otherwise at Stripe, and the event that mended it."""

    found_at: datetime
    subscription_id: str
    org_id: str | None
    field: str
    ours: str | None
    stripes: str | None
    event_id: str | None


@dataclass(frozen=True, slots=True)
class ReconcileRun:
    """One walk over Stripe's events: how many it looked at, and what no webhook had brought.

    ``events`` names the first of the missing ones. ``error`` is why it ended halfway. What the
    ``first`` walk on a database finds was not missed: it was there before.
    """

    ran_at: datetime
    since: datetime
    looked_at: int
    missing: int
    events: tuple[str, ...]
    error: str | None
    first: bool


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How missed events are looked for. ``every_seconds`` 0: not by the clock.

    ``asked_at`` is when somebody asked for a walk out of turn. ``backfill_*`` tell of the import:
    what it is reading and how far, or when it was finished.
    """

    every_seconds: int
    ran_at: datetime | None
    done_at: datetime | None
    asked_at: datetime | None
    error: str | None
    recovered_ever: int
    beyond_retention: bool
    runs: tuple[ReconcileRun, ...]
    backfill_stage: str | None
    backfill_read: int
    backfill_finished_at: datetime | None

    @property
    def due_at(self) -> datetime | None:
        """When the next walk is due by the clock."""
        if not self.every_seconds or self.ran_at is None:
            return None
        return self.ran_at + timedelta(seconds=self.every_seconds)

    def recovered_since(self, since: datetime) -> int:
        """How many missing events the walks since then have found."""
        return sum(run.missing for run in self.runs if run.ran_at >= since and not run.first)


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """A webhook endpoint as Stripe has it; ``missing`` are types that we need and it leaves out."""

    endpoint_id: str
    url: str
    status: str
    api_version: str | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointLook:
    """What was found when the endpoint was last looked up.

    ``wanted`` is our own address. ``refused`` is the error code where Stripe did not tell.
    """

    looked_at: datetime
    wanted: str
    refused: str | None
    endpoints: tuple[EndpointRow, ...]


@dataclass(frozen=True, slots=True)
class EventCommand:
    """What somebody asked for about events, and how it went; ``ended`` is None while it runs."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    outcome: str
    reason: str | None
    detail: str | None
    ended: str | None
    result: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that ops were told of, or are about to be. ``told_at`` is None until they were."""

    name: str
    title: str
    sentence: str
    since: datetime
    told_at: datetime | None
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertState:
    """Where alerts go, and which are on."""

    targets: tuple[str, ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Suspect:
    """An object of Stripe's whose last state is not certain until Stripe has been asked.

    ``kind`` is Stripe's noun. ``held`` is what is kept meanwhile: a subscription's status, a
    disputed lookup key.
    """

    kind: str
    object_id: str
    held: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class UnmappedPrice:
    """A price that no plan of ``billing.toml`` names.

    ``subscriptions`` counts those that speak for an organization with it.
    """

    price_id: str
    lookup_key: str | None
    product_name: str | None
    nickname: str | None
    subscriptions: Count


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """Whether the picture can be trusted.

    Lags are the last day's; those ending in ``_now`` the last hour's. ``usual_quiet_seconds`` is
    for how long it is quiet time and again, at night for example. ``drift`` is the last day's.
    """

    last_received_at: datetime | None
    last_created_at: datetime | None
    usual_gap_seconds: float | None
    backlog: Count
    oldest_pending_at: datetime | None
    parked: Count
    receive_lag: Percentiles | None
    apply_lag: Percentiles | None
    suspects: tuple[Suspect, ...]
    unmapped_prices: tuple[UnmappedPrice, ...]
    receive_lag_now: Percentiles | None = None
    apply_lag_now: Percentiles | None = None
    usual_quiet_seconds: float = 0.0
    drift: Count = _NONE
    reconcile: Reconciliation | None = None
    endpoint: EndpointLook | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What needs attention now. "Soon" and "lately" mean the next and the last seven days."""

    organizations: Count
    with_access: Count
    trialing: Count
    past_due: Count
    unpaid: Count
    incomplete: Count
    paused: Count
    winding_down: Count
    leaving_soon: Count
    undone_lately: Count
    overdue: Count
    unmapped: Count
    conflicting_claims: Count
    parked: Count
    backlog: Count
    drift_lately: Count
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trends:
    """Thirty days up to today, a number for each: in UTC, and by Stripe's clock.

    The states' are how many organizations were in them at the day's end. ``begun`` and ``undone``
    count cancellations, ``events`` what came from Stripe.
    """

    access: tuple[int, ...]
    trialing: tuple[int, ...]
    past_due: tuple[int, ...]
    unpaid: tuple[int, ...]
    incomplete: tuple[int, ...]
    paused: tuple[int, ...]
    winding_down: tuple[int, ...]
    unmapped: tuple[int, ...]
    begun: tuple[int, ...]
    undone: tuple[int, ...]
    events: tuple[int, ...]
