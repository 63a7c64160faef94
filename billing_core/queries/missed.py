"""What webhooks did not bring: reconcile, backfill, drift, and the endpoint as Stripe has it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing_core.queries.tables import (
    CUSTOMERS,
    DRIFT,
    STATE,
    SUBSCRIPTIONS,
    capped_count,
    fetch,
)
from billing_core.rows import (
    Alert,
    AlertState,
    Count,
    DriftRow,
    EndpointLook,
    EndpointRow,
    ReconcileRun,
    Reconciliation,
)

SHOWN = 50
COUNT_CAP = 1000
Kept = Mapping[str, Any]


def reconciliation(connection: Connection) -> Reconciliation:
    """How missed events are looked for, and what the last walks found."""
    kept = _states(connection, ("schedule", "reconcile", "reconcile_asked", "backfill"))
    walks, backfill = kept.get("reconcile", {}), kept.get("backfill", {})
    return Reconciliation(
        every_seconds=int(kept.get("schedule", {}).get("reconcile_seconds", 0)),
        ran_at=_time(walks.get("ran_at")),
        done_at=_time(walks.get("done_at")),
        asked_at=_time(kept.get("reconcile_asked", {}).get("at")),
        error=walks.get("error"),
        recovered_ever=int(walks.get("missing_ever", 0)),
        beyond_retention=bool(walks.get("beyond_retention", False)),
        runs=tuple(_run(run) for run in walks.get("runs", ())),
        backfill_stage=backfill.get("stage"),
        backfill_read=int(backfill.get("read", 0)),
        backfill_finished_at=_time(backfill.get("finished_at")),
    )


def endpoint_look(connection: Connection) -> EndpointLook | None:
    """The webhook endpoint as it was last looked up; None where it never was."""
    kept = _states(connection, ("endpoint",)).get("endpoint")
    looked_at = _time(kept.get("looked_at")) if kept else None
    if kept is None or looked_at is None:
        return None
    return EndpointLook(
        looked_at=looked_at,
        wanted=str(kept.get("wanted", "")),
        refused=kept.get("refused"),
        endpoints=tuple(
            EndpointRow(
                each["endpoint_id"],
                each["url"],
                each["status"],
                each.get("api_version"),
                tuple(each.get("missing", ())),
            )
            for each in kept.get("endpoints", ())
        ),
    )


def alert_state(connection: Connection) -> AlertState:
    """Where alerts go, and which are on, as the listener that sends them has kept it."""
    kept = _states(connection, ("alerts", "alert_targets"))
    on = kept.get("alerts", {}).get("on", {})
    return AlertState(
        targets=tuple(kept.get("alert_targets", {}).get("targets", ())),
        alerts=tuple(_alert(name, each) for name, each in sorted(on.items())),
    )


def drift_count(connection: Connection, since: datetime) -> Count:
    """How many fields were found to stand otherwise at Stripe."""
    found = select(DRIFT.c.found_at).where(DRIFT.c.found_at >= since)
    return capped_count(connection, found, COUNT_CAP)


def drift_found(connection: Connection, *, limit: int = SHOWN) -> tuple[DriftRow, ...]:
    """The newest differences, each with both values."""
    d, s = DRIFT.c, SUBSCRIPTIONS.c
    statement = (
        select(DRIFT, CUSTOMERS.c.org_id)
        .join(SUBSCRIPTIONS, s.subscription_id == d.subscription_id, isouter=True)
        .join(CUSTOMERS, CUSTOMERS.c.customer_id == s.customer_id, isouter=True)
        .order_by(d.found_at.desc(), d.drift_id.desc())
        .limit(limit)
    )
    return tuple(
        DriftRow(**{name: row[name] for name in DriftRow.__dataclass_fields__})
        for row in fetch(connection, statement)
    )


def _states(connection: Connection, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    rows = fetch(connection, select(STATE.c.name, STATE.c.value).where(STATE.c.name.in_(names)))
    return {row["name"]: dict(row["value"]) for row in rows}


def _run(kept: Kept) -> ReconcileRun:
    return ReconcileRun(
        ran_at=datetime.fromisoformat(kept["ran_at"]),
        since=datetime.fromisoformat(kept["since"]),
        looked_at=int(kept["looked_at"]),
        missing=int(kept["missing"]),
        events=tuple(kept.get("events", ())),
        error=kept.get("error"),
        first=bool(kept.get("first", False)),
    )


def _alert(name: str, kept: Kept) -> Alert:
    channels = kept.get("channels", {})
    told = [_time(each.get("told_at")) for each in channels.values()]
    return Alert(
        name=name,
        title=str(kept.get("title", name)),
        sentence=str(kept.get("sentence", "")),
        since=datetime.fromisoformat(kept["since"]),
        told_at=max((at for at in told if at is not None), default=None),
        failing=tuple(sorted(name for name, each in channels.items() if each.get("tries"))),
    )


def _time(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None
