"""Pending cancellations: when each was asked for, and whether it was undone or came true.

Everything here is a pure function of the *set* of a subscription's events and of where it stands
by now, so any permutation and any duplication of its events gives one answer. Times are whole
seconds by Stripe's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from billing_core.config import BillingConfig
from billing_core.entitlement import main_item, winding_down_until
from billing_core.facts import SubscriptionFacts
from billing_core.ordering import Kind, Version


class CancellationOutcome(StrEnum):
    """What became of a cancellation; ``unknown`` where Stripe never said when it was undone."""

    OPEN = "open"
    UNDONE = "undone"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Terms:
    """What was to end, when, and why; the amount is one unit's, in minor units."""

    ends_at: int | None
    price_id: str | None
    quantity: int | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    reason: str | None
    feedback: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """An event that set a subscription to end, or one that undid that.

    ``asked_at`` and ``terms`` are those of the cancellation that was undone.
    """

    event_id: str
    at: int
    undone: bool
    request_id: str | None
    asked_at: int | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the subscription stands by now; ``ended_at`` is None while it lives.

    ``set_to_end`` stays as it was when the subscription ended.
    """

    set_to_end: bool
    asked_at: int | None
    ended_at: int | None
    terms: Terms

    @property
    def ended_at_once(self) -> bool:
        """Whether it ended when that was asked for, with nothing pending in between."""
        if self.ended_at is None:
            return False
        return self.asked_at is None or self.asked_at >= self.ended_at


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One time in which a subscription was set to end.

    ``begun_at`` is None where neither an event nor Stripe's own ``canceled_at`` tells it.
    ``over_at`` is when it was undone or came true. ``steps`` are the events that it follows from.
    """

    begun_at: int | None
    outcome: CancellationOutcome
    over_at: int | None
    terms: Terms
    steps: tuple[Step, ...]


def step_of(version: Version[SubscriptionFacts], config: BillingConfig) -> Step | None:
    """What the version says of a cancellation; None for nothing, and for an end."""
    after = version.after
    if after.final:
        return None
    pending = winding_down_until(after) is not None
    if version.kind is Kind.CREATED:
        was_pending = False
    elif version.before is not None:
        was_pending = winding_down_until(version.before) is not None
    else:
        return None
    if pending == was_pending:
        return None
    step = Step(version.event_id, version.created, was_pending, version.request_id)
    if version.before is None or not was_pending:
        return step
    asked_at = _seconds(version.before.canceled_at)
    return replace(step, asked_at=asked_at, terms=terms_of(version.before, config))


def terms_of(facts: SubscriptionFacts, config: BillingConfig) -> Terms:
    """What the facts set to end; of several items the one whose own lookup key names a plan."""
    item, _ = main_item(facts, config, {})
    return Terms(
        ends_at=_seconds(winding_down_until(facts)),
        price_id=item.price_id if item else None,
        quantity=item.quantity if item else None,
        unit_amount=item.unit_amount if item else None,
        currency=item.currency if item else None,
        interval=item.interval if item else None,
        interval_count=item.interval_count if item else 1,
        reason=facts.cancellation_reason,
        feedback=facts.cancellation_feedback,
        comment=facts.cancellation_comment,
    )


def cancellations_of(steps: Iterable[Step], standing: Standing) -> list[Cancellation]:
    """Every cancellation of a subscription, oldest first."""
    done: list[Cancellation] = []
    pending: Cancellation | None = None
    for at, together in groupby(_told_once(steps), key=lambda step: step.at):
        group = tuple(together)
        balance = sum(-1 if step.undone else 1 for step in group)
        if pending is not None and balance <= 0:
            pending = replace(pending, steps=pending.steps + group)
            if balance < 0:
                done.append(_undone(pending, at))
                pending = None
            continue
        if pending is not None:  # set to end again, so that it was undone in between, untold
            done.append(replace(pending, outcome=CancellationOutcome.UNKNOWN))
        begun_at = at if balance >= 0 else _asked_at(group, before=at)
        pending = Cancellation(begun_at, CancellationOutcome.OPEN, None, standing.terms, group)
        if balance <= 0:
            done.append(_undone(pending, at))
            pending = None
    last = _last(pending, standing)
    return [*done, last] if last is not None else done


def _last(pending: Cancellation | None, standing: Standing) -> Cancellation | None:
    """The cancellation that stands by now; the subscription tells of one that no event began."""
    if pending is None:
        if not standing.set_to_end or standing.ended_at_once:
            return None
        asked_at = standing.asked_at
        pending = Cancellation(asked_at, CancellationOutcome.OPEN, None, standing.terms, ())
    if standing.ended_at is not None:
        return replace(pending, outcome=CancellationOutcome.ENDED, over_at=standing.ended_at)
    if not standing.set_to_end:
        return replace(pending, outcome=CancellationOutcome.UNKNOWN)
    return pending


def _undone(pending: Cancellation, at: int) -> Cancellation:
    told = max((step for step in pending.steps if step.undone), key=lambda s: (s.at, s.event_id))
    return replace(
        pending,
        outcome=CancellationOutcome.UNDONE,
        over_at=at,
        terms=told.terms if told.terms is not None else pending.terms,
    )


def _asked_at(group: Iterable[Step], *, before: int) -> int | None:
    told = [step.asked_at for step in group if step.asked_at is not None]
    earlier = [at for at in told if at <= before]
    return min(earlier) if earlier else None


def _told_once(steps: Iterable[Step]) -> list[Step]:
    """Each step once, in time; a request's id proves that two events tell of one change."""
    kept: dict[object, Step] = {}
    for step in sorted(steps, key=lambda step: (step.at, step.event_id)):
        told = (step.undone, step.request_id) if step.request_id is not None else step.event_id
        kept.setdefault(told, step)
    return list(kept.values())


def _seconds(at: datetime | None) -> int | None:
    return int(at.timestamp()) if at is not None else None
