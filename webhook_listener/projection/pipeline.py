"""From inbox events to rows: waves of events, one after the other, written together at the end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from billing_core.config import BillingConfig
from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.tables import Outcome
from webhook_listener.projection.families import CUSTOMERS, SUBSCRIPTIONS
from webhook_listener.projection.wave import PROJECTIONS, Wave, org_ids_of, project_wave
from webhook_listener.projection.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Projected:
    """What became of one event."""

    event_id: str
    outcome: Outcome
    error: str | None
    customer_id: str | None
    org_id: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What became of each event, and the rows that follow from it: ``flush`` writes them."""

    projected: list[Projected]
    org_of: Mapping[str, str]
    flush: Callable[[], None]


def plan(
    connection: Connection,
    events: Sequence[InboxEvent],
    config: BillingConfig,
    *,
    now: datetime,
    also_customers: Iterable[str] = (),
) -> Plan:
    """Work out what inbox events do to the rows. Reads, and writes nothing before ``flush``.

    Whatever order events come in, the subscriptions, organizations and entitlements end the same.
    ``org_of`` has the org of each customer that is known, of ``also_customers`` too. Raises only
    what the database raises; an event that cannot be understood is parked with a sentence.
    """
    outcomes: dict[str, Outcome] = {}
    faults: dict[str, str] = {}
    workspace = Workspace(connection, events)
    customer_ids = {event.customer_id for event in events if event.customer_id}
    # All at once is quicker than a wave at a time.
    workspace.by(SUBSCRIPTIONS.table, "customer_id", customer_ids)
    customer_ids.update(also_customers)
    workspace.by(CUSTOMERS.table, "customer_id", customer_ids)
    for wave_events in _waves(events):
        wave = Wave(workspace, config, now, events=wave_events)
        project_wave(wave)
        outcomes |= wave.outcomes
        faults |= wave.faults
    org_of = org_ids_of(workspace, customer_ids)
    projected = [
        Projected(
            event_id=event.event_id,
            outcome=outcomes.get(event.event_id, Outcome.IGNORED),
            error=faults.get(event.event_id),
            customer_id=event.customer_id,
            org_id=org_of.get(event.customer_id or ""),
        )
        for event in events
    ]
    return Plan(projected, org_of, workspace.flush)


def project(
    connection: Connection, events: Sequence[InboxEvent], config: BillingConfig, *, now: datetime
) -> list[Projected]:
    """Apply inbox events inside the caller's transaction and say what became of each."""
    planned = plan(connection, events, config, now=now)
    planned.flush()
    return planned.projected


def _waves(events: Iterable[InboxEvent]) -> list[list[InboxEvent]]:
    """Events in arrival order, parted so that each change of one org is written down apart."""
    waves: list[list[InboxEvent]] = []
    depth: dict[str, int] = {}
    for event in events:
        if event.type not in PROJECTIONS:
            continue
        key = event.customer_id or event.object_id or event.event_id
        level = depth.get(key, 0)
        depth[key] = level + 1
        if level == len(waves):
            waves.append([])
        waves[level].append(event)
    return waves
