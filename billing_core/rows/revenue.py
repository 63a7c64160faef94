"""Who leaves, for how much a period, and what a subscription can be started with."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LeavingRow:
    """An organization whose access is due to end, or has ended.

    ``unit_amount`` and ``quantity`` are those of the item that gives the plan. ``asked_at`` is
    when the cancellation was asked for. ``overdue`` says that the time has passed and Stripe has
    not reported the end.
    """

    org_id: str
    name: str | None
    email: str | None
    subscription_id: str | None
    plan: str | None
    plan_name: str | None
    status: str
    ends_at: datetime
    asked_at: datetime | None
    overdue: bool
    quantity: int | None
    unit_amount: int | None
    amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    reason: str | None
    feedback: str | None
    comment: str | None


@dataclass(frozen=True, slots=True)
class RecurringTotal:
    """What organizations pay together per period, in one currency and interval.

    ``without_amount`` of them have a price that states no amount and are not in ``amount``.
    """

    currency: str | None
    interval: str | None
    interval_count: int
    organizations: int
    amount: int
    without_amount: int


@dataclass(frozen=True, slots=True)
class TotalsGroup:
    """Totals of those who have something in common: a plan, a reason, a month; or None of it."""

    key: str | None
    organizations: int
    totals: tuple[RecurringTotal, ...]


@dataclass(frozen=True, slots=True)
class LeavingPage:
    """Some who leave, soonest (or latest ended) first, and the totals of all who match."""

    rows: tuple[LeavingRow, ...]
    next_cursor: str | None
    totals: tuple[RecurringTotal, ...]


@dataclass(frozen=True, slots=True)
class UndoneRow:
    """A cancellation that was undone: what was to end, why, and after how long it was undone.

    ``asked_at`` is None where Stripe never told. ``leaving_again`` and ``left`` say what has become
    of the subscription since.
    """

    org_id: str | None
    name: str | None
    email: str | None
    subscription_id: str
    plan: str | None
    plan_name: str | None
    asked_at: datetime | None
    undone_at: datetime
    seconds_to_undo: int | None
    ends_at: datetime | None
    quantity: int | None
    unit_amount: int | None
    amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    reason: str | None
    feedback: str | None
    comment: str | None
    leaving_again: bool
    left: bool


@dataclass(frozen=True, slots=True)
class UndoneSummary:
    """How many cancellations were undone, what became of them, and how long it took.

    ``totals`` count each of them. The median is the lower of two. ``within`` counts those undone
    within an hour, a day, a week, and later, in this order; where it is not known when one began
    it is in none.
    """

    undone: int
    staying: int
    leaving_again: int
    left: int
    median_seconds: int | None
    within: tuple[int, int, int, int]
    totals: tuple[RecurringTotal, ...]


@dataclass(frozen=True, slots=True)
class CancellationFlow:
    """Cancellations that began, were undone and came true in a span of time."""

    since: datetime
    before: datetime
    begun: int
    undone: int
    ended: int


@dataclass(frozen=True, slots=True)
class PriceChoice:
    """A price that a new subscription can be started with, by its lookup key.

    The amounts are None until an event has brought the price.
    """

    lookup_key: str
    plan: str
    plan_name: str
    price_id: str | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
