"""Recurring amounts summed as the prices state them: per currency and interval, never across."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, literal, or_, select
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.queries.tables import PRICES, Row
from billing_core.rows import RecurringTotal


def summed(
    currency: ColumnElement[Any],
    interval: ColumnElement[Any],
    interval_count: ColumnElement[Any],
    amount: ColumnElement[Any],
    key: ColumnElement[Any] | None = None,
) -> Select[Any]:
    """A statement whose rows ``totals`` and ``totals_by_key`` read; ``key`` parts them further."""
    count = func.coalesce(interval_count, 1)
    columns = [
        currency.label("currency"),
        interval.label("interval"),
        count.label("interval_count"),
    ]
    if key is not None:
        columns.append(key.label("key"))
    return select(
        *columns,
        func.count().label("organizations"),
        func.coalesce(func.sum(amount), 0).label("amount"),
        func.count(amount).label("with_amount"),
    ).group_by(*(column.element for column in columns))


def totals(rows: Iterable[Row]) -> tuple[RecurringTotal, ...]:
    """The totals in a fixed order."""
    made = [
        RecurringTotal(
            currency=row["currency"],
            interval=row["interval"],
            interval_count=row["interval_count"],
            organizations=row["organizations"],
            amount=int(row["amount"]),
            without_amount=row["organizations"] - row["with_amount"],
        )
        for row in rows
    ]
    return tuple(
        sorted(made, key=lambda t: (t.currency or "~", t.interval or "~", t.interval_count))
    )


def totals_by_key(rows: Iterable[Row]) -> dict[Hashable, tuple[RecurringTotal, ...]]:
    """The totals of each key."""
    parted: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        parted[row["key"]].append(row)
    return {key: totals(own) for key, own in parted.items()}


def bucket(at: ColumnElement[Any], bounds: Sequence[datetime]) -> ColumnElement[int]:
    """How many of ``bounds``, which ascend, lie at or before ``at``."""
    whens = [(at < bound, literal(number)) for number, bound in enumerate(bounds)]
    return case(*whens, else_=literal(len(bounds)))


def of_plan(price_id: ColumnElement[Any], plan: str, config: BillingConfig) -> ColumnElement[bool]:
    """Whether a price maps to the plan, by the key it was last seen under or as a retired one."""
    if plan not in config.plans:
        return false()
    named = select(PRICES.c.price_id)
    own = named.where(PRICES.c.lookup_key.in_(config.plans[plan].lookup_keys))
    elsewhere = named.where(PRICES.c.lookup_key.in_(list(config.plan_by_lookup_key)))
    retired = price_id.in_(config.plans[plan].retired_price_ids)
    return or_(price_id.in_(own), and_(retired, price_id.not_in(elsewhere)))
