"""Cancellations that were undone: whose, after how long, and what became of them since."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, literal_column, select
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.recurring import PARTS, prices_of_plan, totals
from billing_core.queries.rollups import Columns, Narrow, Source, added_up, told
from billing_core.queries.tables import (
    CANCELLATIONS,
    CUSTOMERS,
    ORGANIZATIONS,
    PRICES,
    SUBSCRIPTIONS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.queries.winding_down import LeavingFilters
from billing_core.rows import CancellationFlow, UndoneRow, UndoneSummary
from billing_core.tables import DAY, HOUR, WEEK, RollupKind, Took

_C, _S = CANCELLATIONS.c, SUBSCRIPTIONS.c
_AMOUNT = _C.unit_amount * _C.quantity
_LONGEST = {Took.HOUR: HOUR, Took.DAY: DAY, Took.WEEK: WEEK}
_PARTS: Columns = {
    "price_id": told(_C.price_id),
    "currency": told(_C.currency),
    "interval": told(_C.interval),
    "interval_count": _C.interval_count,
    "reason": told(_C.reason),
    "feedback": told(_C.feedback),
    "standing": _C.standing,
    "took": case(
        (_C.seconds_to_undo.is_(None), literal_column("''")),
        *(
            (_C.seconds_to_undo < literal_column(str(most)), literal_column(f"'{part}'"))
            for part, most in _LONGEST.items()
        ),
        else_=literal_column(f"'{Took.LATER}'"),
    ),
}
_BEGUN = Source(RollupKind.BEGUN, _C.begun_at, _AMOUNT, _PARTS)
_UNDONE = Source(RollupKind.UNDONE, _C.undone_at, _AMOUNT, _PARTS)
_CAME_TRUE = Source(RollupKind.CAME_TRUE, _C.ended_at, _AMOUNT, _PARTS)


def undone_rows(
    connection: Connection,
    since: datetime,
    filters: LeavingFilters | None = None,
    *,
    after: str | None = None,
    limit: int = 100,
    config: BillingConfig | None = None,
) -> tuple[tuple[UndoneRow, ...], str | None]:
    """Cancellations undone since ``since``, latest first, and where the list goes on.

    Of ``filters`` the plan, the currency, the interval, the reason and the feedback count.
    """
    config = config_or_default(config)
    columns = (_C.undone_at, _C.cancellation_id)
    narrow = _narrow(connection, filters, config)
    chosen = select(*columns).where(_C.undone_at >= since, *narrow(_PARTS))
    position = decode_cursor(after, 2)
    if position is not None and isinstance(position[0], datetime):
        place = (position[0], str(position[1]))
        chosen = chosen.where(beyond(columns, place, descending=True))
    chosen = chosen.order_by(*(column.desc() for column in columns)).limit(limit + 1)
    rows = fetch(connection, _details(chosen))
    cursor = None
    if len(rows) > limit:
        cursor = encode_cursor((rows[limit - 1]["undone_at"], rows[limit - 1]["cancellation_id"]))
    return tuple(_row(row, config) for row in rows[:limit]), cursor


def undone_summary(
    connection: Connection,
    since: datetime,
    filters: LeavingFilters | None = None,
    *,
    config: BillingConfig | None = None,
) -> UndoneSummary:
    """All of the same list together."""
    narrow = _narrow(connection, filters, config_or_default(config))
    sums = added_up(connection, _UNDONE, narrow, ("standing", "took", *PARTS), since=since)
    stands, within = Counter[str](), Counter[str]()
    for row in sums:
        stands[row["standing"]] += row["entries"]
        within[row["took"]] += row["entries"]
    return UndoneSummary(
        undone=stands.total(),
        staying=stands["staying"],
        leaving_again=stands["leaving"],
        left=stands["left"],
        median_seconds=_median(connection, since, narrow(_PARTS), within),
        within=(within["hour"], within["day"], within["week"], within["later"]),
        totals=totals(_together(sums)),
    )


def _together(sums: Sequence[Row]) -> list[Row]:
    """The sums without what parts them further than ``PARTS``."""
    joined: dict[tuple[object, ...], dict[str, int]] = {}
    for row in sums:
        own = joined.setdefault(
            tuple(row[name] for name in PARTS), {"entries": 0, "with_amount": 0, "amount": 0}
        )
        for name in own:
            own[name] += row[name]
    return [dict(zip(PARTS, key, strict=True)) | own for key, own in joined.items()]


def _median(
    connection: Connection,
    since: datetime,
    conditions: Sequence[ColumnElement[bool]],
    within: Counter[str],
) -> int | None:
    """The lower of two: looked for only among those that took about as long."""
    place = (sum(within[part] for part in Took) - 1) // 2
    part = next((part for part in Took if (place := place - within[part]) < 0), None)
    if part is None or place + within[part] < 0:
        return None
    seconds = _C.seconds_to_undo
    chosen = select(seconds).where(_C.undone_at >= since, _PARTS["took"] == part.value, *conditions)
    return connection.execute(
        chosen.order_by(seconds).limit(1).offset(place + within[part])
    ).scalar()


def cancellation_flow(
    connection: Connection,
    bounds: Sequence[datetime],
    filters: LeavingFilters | None = None,
    *,
    config: BillingConfig | None = None,
) -> tuple[CancellationFlow, ...]:
    """What began, was undone and came true between each two of ``bounds``, which ascend."""
    narrow = _narrow(connection, filters, config_or_default(config))
    since, *cuts, before = bounds
    begun, undone, came_true = (
        {
            row["span"]: row["entries"]
            for row in added_up(connection, source, narrow, since=since, before=before, cuts=cuts)
        }
        for source in (_BEGUN, _UNDONE, _CAME_TRUE)
    )
    return tuple(
        CancellationFlow(since, before, *(of.get(number, 0) for of in (begun, undone, came_true)))
        for number, (since, before) in enumerate(pairwise(bounds))
    )


def _narrow(
    connection: Connection, filters: LeavingFilters | None, config: BillingConfig
) -> Narrow:
    """The filters as conditions; a plan is that of the price by now."""
    wanted = filters or LeavingFilters()
    if wanted.plan is None:
        return wanted.narrow
    price_ids = prices_of_plan(connection, wanted.plan, config)
    others = replace(wanted, plan=None)
    return lambda columns: [*others.narrow(columns), columns["price_id"].in_(price_ids)]


def _details(chosen: Select[Any]) -> Select[Any]:
    """All of the chosen cancellations, in their order."""
    page = chosen.subquery()
    c, s, u, o = CANCELLATIONS, SUBSCRIPTIONS, CUSTOMERS, ORGANIZATIONS
    columns = (
        *(column for column in _C if column.name not in ("steps", "outcome")),
        _AMOUNT.label("amount"),
        u.c.org_id,
        o.c.name,
        o.c.email,
        PRICES.c.lookup_key,
    )
    return (
        select(*columns)
        .select_from(page)
        .join(c, _C.cancellation_id == page.c.cancellation_id)
        .join(s, _S.subscription_id == _C.subscription_id, isouter=True)
        .join(u, u.c.customer_id == _S.customer_id, isouter=True)
        .join(o, o.c.org_id == u.c.org_id, isouter=True)
        .join(PRICES, PRICES.c.price_id == _C.price_id, isouter=True)
        .order_by(page.c.undone_at.desc(), page.c.cancellation_id.desc())
    )


def _row(row: Row, config: BillingConfig) -> UndoneRow:
    plan = config.plan_for(row["lookup_key"], row["price_id"])
    return UndoneRow(
        org_id=row["org_id"],
        name=row["name"],
        email=row["email"],
        subscription_id=row["subscription_id"],
        plan=plan,
        plan_name=config.plan_name(plan),
        asked_at=row["begun_at"],
        undone_at=row["undone_at"],
        seconds_to_undo=row["seconds_to_undo"],
        ends_at=row["ends_at"],
        quantity=row["quantity"],
        unit_amount=row["unit_amount"],
        amount=row["amount"],
        currency=row["currency"],
        interval=row["interval"],
        interval_count=row["interval_count"],
        reason=row["reason"],
        feedback=row["feedback"],
        comment=row["comment"],
        leaving_again=row["standing"] == "leaving",
        left=row["standing"] == "left",
    )
