"""Cancellations that were undone: whose, after how long, and what became of them since."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.facts import FINAL_STATUSES
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.recurring import of_plan, summed, totals
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

HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400
_C, _S = CANCELLATIONS.c, SUBSCRIPTIONS.c
_AMOUNT = _C.unit_amount * _C.quantity
_LEFT = _S.status.in_(FINAL_STATUSES)
_AGAIN = and_(
    _S.status.not_in(FINAL_STATUSES),
    or_(_S.cancel_at_period_end.is_(True), _S.cancel_at.is_not(None)),
)


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
    statement = _statement().where(*_undone(since, filters, config))
    position = decode_cursor(after, 2)
    if position is not None and isinstance(position[0], datetime):
        place = (position[0], str(position[1]))
        columns = (_C.undone_at, _C.cancellation_id)
        statement = statement.where(beyond(columns, place, descending=True))
    ordered = statement.order_by(_C.undone_at.desc(), _C.cancellation_id.desc())
    rows = fetch(connection, ordered.limit(limit + 1))
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
    conditions = _undone(since, filters, config_or_default(config))
    took = _C.seconds_to_undo
    counted = fetch(
        connection,
        select(
            func.count().label("undone"),
            func.count(case((_LEFT, 1))).label("left"),
            func.count(case((_AGAIN, 1))).label("again"),
            func.count(took).label("known"),
            func.count(case((took < HOUR, 1))).label("hour"),
            func.count(case((and_(took >= HOUR, took < DAY), 1))).label("day"),
            func.count(case((and_(took >= DAY, took < WEEK), 1))).label("week"),
            func.count(case((took >= WEEK, 1))).label("later"),
        )
        .join_from(CANCELLATIONS, SUBSCRIPTIONS, _S.subscription_id == _C.subscription_id)
        .where(*conditions),
    )[0]
    in_order = select(took).where(*conditions, took.is_not(None)).order_by(took)
    middle = max(counted["known"] - 1, 0) // 2
    sums = summed(_C.currency, _C.interval, _C.interval_count, _AMOUNT).where(*conditions)
    return UndoneSummary(
        undone=counted["undone"],
        staying=counted["undone"] - counted["left"] - counted["again"],
        leaving_again=counted["again"],
        left=counted["left"],
        median_seconds=connection.execute(in_order.limit(1).offset(middle)).scalar(),
        within=(counted["hour"], counted["day"], counted["week"], counted["later"]),
        totals=totals(fetch(connection, sums)),
    )


def cancellation_flow(
    connection: Connection,
    bounds: Sequence[datetime],
    filters: LeavingFilters | None = None,
    *,
    config: BillingConfig | None = None,
) -> tuple[CancellationFlow, ...]:
    """What began, was undone and came true between each two of ``bounds``, which ascend."""
    matching = _matching(filters, config_or_default(config))
    begun, undone, ended = (
        _counted(connection, at, bounds, matching)
        for at in (_C.begun_at, _C.undone_at, _C.ended_at)
    )
    return tuple(
        CancellationFlow(since, before, begun[number], undone[number], ended[number])
        for number, (since, before) in enumerate(pairwise(bounds))
    )


def _counted(
    connection: Connection,
    at: ColumnElement[Any],
    bounds: Sequence[datetime],
    matching: Sequence[ColumnElement[bool]],
) -> tuple[int, ...]:
    """How many between each two bounds: each counted along the index, none compared with all."""
    counts = [
        select(func.count()).where(at >= since, at < before, *matching).scalar_subquery()
        for since, before in pairwise(bounds)
    ]
    return tuple(connection.execute(select(*counts)).one())


def _undone(
    since: datetime, filters: LeavingFilters | None, config: BillingConfig
) -> list[ColumnElement[bool]]:
    return [_C.undone_at >= since, *_matching(filters, config)]


def _matching(filters: LeavingFilters | None, config: BillingConfig) -> list[ColumnElement[bool]]:
    wanted = filters or LeavingFilters()
    equal = (
        (_C.currency, wanted.currency and wanted.currency.lower()),
        (_C.interval, wanted.interval),
        (_C.reason, wanted.reason),
        (_C.feedback, wanted.feedback or None),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if wanted.feedback == "":
        conditions.append(_C.feedback.is_(None))
    if wanted.plan is not None:
        conditions.append(of_plan(_C.price_id, wanted.plan, config))
    return conditions


def _statement() -> Select[Any]:
    c, s, u, o = CANCELLATIONS, SUBSCRIPTIONS, CUSTOMERS, ORGANIZATIONS
    p = PRICES.c
    columns = (
        *(column for column in _C if column.name not in ("steps", "outcome")),
        _AMOUNT.label("amount"),
        _AGAIN.label("leaving_again"),
        _LEFT.label("left"),
        u.c.org_id,
        o.c.name,
        o.c.email,
        p.lookup_key,
    )
    return (
        select(*columns)
        .join_from(c, s, _S.subscription_id == _C.subscription_id)
        .join(u, u.c.customer_id == _S.customer_id, isouter=True)
        .join(o, o.c.org_id == u.c.org_id, isouter=True)
        .join(PRICES, p.price_id == _C.price_id, isouter=True)
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
        leaving_again=bool(row["leaving_again"]),
        left=bool(row["left"]),
    )
