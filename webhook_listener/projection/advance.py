"""One step of one family: each object's newest version decides its row, whatever came first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from billing_core.config import BillingConfig
from billing_core.errors import UnreadableShapeError
from billing_core.ordering import HasFinal, Kind, Resolution, Version, resolve
from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.tables import Outcome
from webhook_listener.projection.families import Family
from webhook_listener.projection.history import History
from webhook_listener.projection.workspace import Workspace

F = TypeVar("F", bound=HasFinal)
Row = Mapping[str, Any]


@dataclass
class Step(Generic[F]):
    """What one step found: new rows to write, their facts, each event's outcome."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, F] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version[F]] = field(default_factory=dict)


def advance(
    workspace: Workspace,
    family: Family[F],
    events: Sequence[InboxEvent],
    config: BillingConfig,
) -> Step[F]:
    """Decide what ``events`` (at most one an object) do to their objects' rows.

    Nothing is written. An event that cannot be read is parked with a sentence.
    """
    step: Step[F] = Step()
    for event in events:
        try:
            if event.object_id is None:
                raise UnreadableShapeError("the object has no usable id")
            step.versions[event.object_id] = family.version(event, config)
        except UnreadableShapeError as error:
            step.outcomes[event.event_id] = Outcome.PARKED
            step.faults[event.event_id] = f"This event cannot be understood: {error}."
    current = {
        row[family.key]: row for row in workspace.by(family.table, family.key, step.versions)
    }
    verdicts = {
        object_id: _verdict(family, current.get(object_id), version)
        for object_id, version in step.versions.items()
    }
    asked = [key for key, verdict in verdicts.items() if verdict in ("history", "whole history")]
    history = History(workspace, family, config, asked)
    for object_id, version in step.versions.items():
        row = current.get(object_id)
        verdict = verdicts[object_id]
        step.outcomes[version.event_id] = (
            Outcome.STALE if row is not None and _older(family, row, version) else Outcome.APPLIED
        )
        if verdict == "stale":
            continue
        if verdict == "alone":
            resolution = Resolution(
                version.after, version.event_id, version.created, certain=True, peers=1
            )
            carried = family.carried(version.after, [version])
        else:
            versions = history.versions(object_id, whole=verdict == "whole history")
            resolution = resolve(versions, prefer=lambda facts: family.prefer(facts, config))
            carried = family.carried(resolution.facts, versions)
            if row is not None and _unchanged(family, row, resolution, carried):
                continue
        step.facts[object_id] = resolution.facts
        step.rows.append(_row(family, object_id, resolution, carried))
    return step


def _verdict(family: Family[F], row: Row | None, version: Version[F]) -> str:
    if family.open_question({"status": getattr(version.after, "status", None)}):
        return "whole history"
    if row is None or row["event_created"] is None:
        return "alone"
    if family.open_question(row):
        return "whole history"
    final = version.kind is Kind.DELETED or version.after.final
    if family.row_is_final(row) or final:
        return (
            "whole history"
            if final and family.row_is_final(row)
            else ("alone" if final else "stale")
        )
    at = int(row["event_created"].timestamp())
    if version.created > at:
        return "alone"
    return "history" if version.created == at or row["peers"] > 1 else "stale"


def _older(family: Family[F], row: Row, version: Version[F]) -> bool:
    if row["event_created"] is None:
        return False
    final = version.kind is Kind.DELETED or version.after.final
    if final != family.row_is_final(row):
        return not final
    return version.created < int(row["event_created"].timestamp())


def _unchanged(
    family: Family[F], row: Row, resolution: Resolution[F], carried: Mapping[str, Any]
) -> bool:
    """A final row stays when its last event has left the history that is read."""
    if family.row_is_final(row) and not resolution.facts.final:
        return True
    return bool(
        row["event_id"] == resolution.event_id
        and row["suspect"] == (not resolution.certain)
        and row["peers"] == resolution.peers
        and all(row[name] == value for name, value in carried.items())
    )


def _row(
    family: Family[F], object_id: str, resolution: Resolution[F], carried: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        family.key: object_id,
        **family.columns(resolution.facts),
        **carried,
        "event_created": datetime.fromtimestamp(resolution.created, UTC),
        "event_id": resolution.event_id,
        "peers": resolution.peers,
        "suspect": not resolution.certain,
    }
