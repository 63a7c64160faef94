"""Cancellations kept as rows, each with the events that began and undid it.

Whether one came true is the subscription's to say, so its row decides beside the events.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlmodel import SQLModel

from billing_core.cancellations import (
    Cancellation,
    CancellationOutcome,
    Standing,
    Step,
    Terms,
    cancellations_of,
)
from billing_core.facts import FINAL_STATUSES
from webhook_listener.projection.workspace import Row, Workspace

CANCELLATIONS = SQLModel.metadata.tables["cancellations"]
SUBSCRIPTIONS = SQLModel.metadata.tables["subscriptions"]

_STEP = tuple(Step.__dataclass_fields__)
_TERMS = tuple(Terms.__dataclass_fields__)


def concerned(row: Row | None) -> bool:
    """Whether a subscription's row may speak of a cancellation: set to end, or over."""
    return row is not None and (_set_to_end(row) or row["status"] in FINAL_STATUSES)


def keep(
    workspace: Workspace,
    subscription_ids: Iterable[str],
    steps: Mapping[str, Step] | None = None,
) -> None:
    """Bring the cancellations of these subscriptions in line with their rows.

    ``steps`` are those that have just been told, one a subscription. A step that is known already
    changes nothing.
    """
    steps = steps or {}
    held: dict[str, list[Row]] = {key: [] for key in subscription_ids}
    for row in workspace.by(CANCELLATIONS, "subscription_id", held):
        held[row["subscription_id"]].append(row)
    subscriptions = {
        row["subscription_id"]: row for row in workspace.by(SUBSCRIPTIONS, "subscription_id", held)
    }
    rows: list[dict[str, Any]] = []
    gone: list[str] = []
    for key, present in held.items():
        told = {step.event_id: step for row in present for step in steps_of(row["steps"])}
        if key in steps:
            told[steps[key].event_id] = steps[key]
        made = cancellations_of(told.values(), standing_of(subscriptions[key]))
        stands = stands_by_now(subscriptions[key])
        wanted = [
            columns_of(key, number, one) | {"standing": stands}
            for number, one in enumerate(made, start=1)
        ]
        rows += wanted
        kept = {row["cancellation_id"] for row in wanted}
        gone += [row["cancellation_id"] for row in present if row["cancellation_id"] not in kept]
    workspace.remove(CANCELLATIONS, gone)
    workspace.put(CANCELLATIONS, rows)


def stands_by_now(row: Row) -> str:
    """Where a subscription stands: it has left, is leaving or is staying."""
    if row["status"] in FINAL_STATUSES:
        return "left"
    return "leaving" if _set_to_end(row) else "staying"


def standing_of(row: Row) -> Standing:
    """What a subscription's row says of a cancellation."""
    over = row["status"] in FINAL_STATUSES
    ends_at = row["cancel_at"]
    if ends_at is None and row["cancel_at_period_end"]:
        ends_at = row["current_period_end"]
    return Standing(
        set_to_end=_set_to_end(row),
        asked_at=_seconds(row["canceled_at"]),
        ended_at=_seconds(row["ended_at"] or row["event_created"]) if over else None,
        terms=Terms(
            ends_at=_seconds(ends_at),
            price_id=row["price_id"],
            quantity=row["quantity"],
            unit_amount=row["unit_amount"],
            currency=row["currency"],
            interval=row["interval"],
            interval_count=row["interval_count"],
            reason=row["cancellation_reason"],
            feedback=row["cancellation_feedback"],
            comment=row["cancellation_comment"],
        ),
    )


def columns_of(subscription_id: str, number: int, one: Cancellation) -> dict[str, Any]:
    """A cancellation as a row; ``number`` counts those of its subscription from 1."""
    undone = one.outcome is CancellationOutcome.UNDONE
    ended = one.outcome is CancellationOutcome.ENDED
    took = None
    if undone and one.over_at is not None and one.begun_at is not None:
        took = one.over_at - one.begun_at
    return {
        "cancellation_id": f"{subscription_id}:{number}",
        "subscription_id": subscription_id,
        "outcome": one.outcome.value,
        "begun_at": _moment(one.begun_at),
        "undone_at": _moment(one.over_at) if undone else None,
        "ended_at": _moment(one.over_at) if ended else None,
        "seconds_to_undo": took,
        **_terms_as_json(one.terms),
        "ends_at": _moment(one.terms.ends_at),
        "steps": [_step_as_json(step) for step in one.steps],
    }


def steps_of(told: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Steps as a row keeps them."""
    return [
        Step(**{**step, "terms": Terms(**step["terms"]) if step["terms"] is not None else None})
        for step in told
    ]


def _step_as_json(step: Step) -> dict[str, Any]:
    told = {name: getattr(step, name) for name in _STEP}
    return {**told, "terms": _terms_as_json(step.terms) if step.terms is not None else None}


def _terms_as_json(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in _TERMS}


def _set_to_end(row: Row) -> bool:
    return bool(row["cancel_at_period_end"]) or row["cancel_at"] is not None


def _seconds(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
