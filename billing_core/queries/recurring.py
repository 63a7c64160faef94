"""Recurring amounts summed as the prices state them: per currency and interval, never across."""

from collections import defaultdict
from collections.abc import Hashable, Iterable

from sqlalchemy import Connection, select

from billing_core.config import BillingConfig
from billing_core.queries.tables import PRICES, Row
from billing_core.rows import RecurringTotal

PARTS = ("currency", "interval", "interval_count")


def totals(sums: Iterable[Row]) -> tuple[RecurringTotal, ...]:
    """The totals in a fixed order, of sums that are parted by ``PARTS``."""
    made = [
        RecurringTotal(
            currency=row["currency"] or None,
            interval=row["interval"] or None,
            interval_count=row["interval_count"],
            organizations=row["entries"],
            amount=row["amount"],
            without_amount=row["entries"] - row["with_amount"],
        )
        for row in sums
    ]
    return tuple(
        sorted(made, key=lambda t: (t.currency or "~", t.interval or "~", t.interval_count))
    )


def totals_by(sums: Iterable[Row], key: str) -> dict[Hashable, tuple[RecurringTotal, ...]]:
    """The totals of each value of ``key``."""
    parted: dict[Hashable, list[Row]] = defaultdict(list)
    for row in sums:
        parted[row[key]].append(row)
    return {value: totals(own) for value, own in parted.items()}


def prices_of_plan(connection: Connection, plan: str, config: BillingConfig) -> list[str]:
    """Prices that map to the plan, by the key they were last seen under or as retired ones."""
    if plan not in config.plans:
        return []
    p = PRICES.c
    own = p.lookup_key.in_(config.plans[plan].lookup_keys)
    mapped = connection.execute(
        select(p.price_id, own).where(p.lookup_key.in_(list(config.plan_by_lookup_key)))
    ).all()
    elsewhere = {price_id for price_id, _ in mapped}
    retired = (key for key in config.plans[plan].retired_price_ids if key not in elsewhere)
    return [*(price_id for price_id, is_own in mapped if is_own), *retired]
