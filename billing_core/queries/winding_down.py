"""Who leaves, when, and for how much a period; and who has left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select, text
from sqlalchemy.sql import Select

from billing_core.config import BillingConfig
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.recurring import bucket, summed, totals, totals_by_key
from billing_core.queries.tables import (
    ENTITLEMENTS,
    ORGANIZATIONS,
    PRICES,
    SUBSCRIPTIONS,
    WINDING_DOWN,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import LeavingPage, LeavingRow, RecurringTotal, TotalsGroup

_AMOUNT = ENTITLEMENTS.c.unit_amount * ENTITLEMENTS.c.quantity
# True of every subscription that an org leaves with, and said as the partial index says it, so that
# totals are read from indexes alone.
_SET_TO_END = text("(subscriptions.cancel_at IS NOT NULL OR subscriptions.cancel_at_period_end)")
_Join = Callable[[Select[Any]], Select[Any]]


@dataclass(frozen=True, slots=True)
class LeavingFilters:
    """What the list of those who leave is narrowed to; everything by default.

    ``ends_from`` is included, ``ends_before`` is not. ``overdue`` keeps only those whose time has
    passed (or, False, only those whose time is still to come). An empty ``feedback`` keeps those
    who gave none.
    """

    plan: str | None = None
    currency: str | None = None
    interval: str | None = None
    reason: str | None = None
    feedback: str | None = None
    ends_from: datetime | None = None
    ends_before: datetime | None = None
    overdue: bool | None = None


def winding_down(
    connection: Connection,
    filters: LeavingFilters | None = None,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = 100,
    config: BillingConfig | None = None,
) -> LeavingPage:
    """Who is set to leave, soonest first, with the totals of everybody who matches.

    ``after`` is the ``next_cursor`` of the page before.
    """
    rows, cursor = leaving_rows(
        connection, filters, now=now, after=after, limit=limit, config=config
    )
    return LeavingPage(rows, cursor, totals=leaving_totals(connection, filters, now=now))


def leaving_rows(
    connection: Connection,
    filters: LeavingFilters | None = None,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = 100,
    config: BillingConfig | None = None,
) -> tuple[tuple[LeavingRow, ...], str | None]:
    """The same list without totals, and where it goes on."""
    e = ENTITLEMENTS.c
    statement = _statement(e.ends_at).where(*_leaving_conditions(filters, now))
    position = _position(after)
    if position is not None:
        statement = statement.where(beyond((e.ends_at, e.org_id), position, descending=False))
    rows = fetch(connection, statement.order_by(e.ends_at, e.org_id).limit(limit + 1))
    return _page(rows, limit, config_or_default(config), now)


def leaving_totals(
    connection: Connection, filters: LeavingFilters | None = None, *, now: datetime
) -> tuple[RecurringTotal, ...]:
    """The totals of everybody who is set to leave and matches."""
    return totals(fetch(connection, _summed(filters).where(*_leaving_conditions(filters, now))))


def leaving_by_time(
    connection: Connection,
    filters: LeavingFilters | None,
    bounds: Sequence[datetime],
    *,
    now: datetime,
) -> tuple[TotalsGroup, ...]:
    """Those who are set to leave, parted at ``bounds``, which ascend.

    The group ``"0"`` ends before the first of them, ``"1"`` from the first up to the second, and
    so on; groups of nobody are left out.
    """
    return _groups(connection, bucket(ENTITLEMENTS.c.ends_at, bounds), filters, now)


def leaving_by_plan(
    connection: Connection, filters: LeavingFilters | None, *, now: datetime
) -> tuple[TotalsGroup, ...]:
    """Those who are set to leave, by their plan; None is an unmapped price."""
    return _groups(connection, ENTITLEMENTS.c.plan, filters, now)


def leaving_by_feedback(
    connection: Connection, filters: LeavingFilters | None, *, now: datetime
) -> tuple[TotalsGroup, ...]:
    """Those who are set to leave, by the answer that they gave in Stripe's survey, or None."""
    return _groups(connection, SUBSCRIPTIONS.c.cancellation_feedback, filters, now)


def _groups(
    connection: Connection,
    key: ColumnElement[Any],
    filters: LeavingFilters | None,
    now: datetime,
) -> tuple[TotalsGroup, ...]:
    rows = fetch(connection, _summed(filters, key).where(*_leaving_conditions(filters, now)))
    groups = [
        TotalsGroup(
            key=str(group) if group is not None else None,
            organizations=sum(total.organizations for total in own),
            totals=own,
        )
        for group, own in totals_by_key(rows).items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.organizations, group.key or "")))


def ended_since(
    connection: Connection,
    since: datetime,
    filters: LeavingFilters | None = None,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = 100,
    config: BillingConfig | None = None,
) -> LeavingPage:
    """Whose access has ended since ``since``, latest first, with the totals of all of them."""
    rows, cursor = ended_rows(
        connection, since, filters, now=now, after=after, limit=limit, config=config
    )
    matching = _summed_ended().where(*_ended_conditions(filters, since, now))
    return LeavingPage(rows, cursor, totals=totals(fetch(connection, matching)))


def ended_rows(
    connection: Connection,
    since: datetime,
    filters: LeavingFilters | None = None,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = 100,
    config: BillingConfig | None = None,
) -> tuple[tuple[LeavingRow, ...], str | None]:
    """The same list without totals, and where it goes on."""
    e, s = ENTITLEMENTS.c, SUBSCRIPTIONS.c
    statement = _statement(s.ended_at, _joined_to_ended).where(
        *_ended_conditions(filters, since, now)
    )
    position = _position(after)
    if position is not None:
        statement = statement.where(beyond((s.ended_at, e.org_id), position, descending=True))
    ordered = statement.order_by(s.ended_at.desc(), e.org_id.desc())
    return _page(fetch(connection, ordered.limit(limit + 1)), limit, config_or_default(config), now)


def _leaving_conditions(filters: LeavingFilters | None, now: datetime) -> list[ColumnElement[bool]]:
    conditions = _conditions(filters or LeavingFilters(), ENTITLEMENTS.c.ends_at, now)
    return [WINDING_DOWN, *conditions]


def _ended_conditions(
    filters: LeavingFilters | None, since: datetime, now: datetime
) -> list[ColumnElement[bool]]:
    e, s = ENTITLEMENTS.c, SUBSCRIPTIONS.c
    conditions = _conditions(filters or LeavingFilters(), s.ended_at, now)
    # Said so that few who ended lately are looked at first, and not everybody without access.
    without_access = func.coalesce(e.has_access, True).is_(False)
    return [s.ended_at >= since, without_access, *conditions]


def _conditions(
    filters: LeavingFilters, ends_at: ColumnElement[Any], now: datetime
) -> list[ColumnElement[bool]]:
    e, s = ENTITLEMENTS.c, SUBSCRIPTIONS.c
    equal = (
        # Hidden from the index on plans, in which far more than those who leave would be read.
        (func.coalesce(e.plan, ""), filters.plan),
        (e.currency, filters.currency and filters.currency.lower()),
        (e.interval, filters.interval),
        (s.cancellation_reason, filters.reason),
        (s.cancellation_feedback, filters.feedback or None),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if filters.feedback == "":
        conditions.append(s.cancellation_feedback.is_(None))
    if filters.ends_from is not None:
        conditions.append(ends_at >= filters.ends_from)
    if filters.ends_before is not None:
        conditions.append(ends_at < filters.ends_before)
    if filters.overdue is not None:
        conditions.append(ends_at < now if filters.overdue else ends_at >= now)
    return conditions


def _joined(statement: Select[Any]) -> Select[Any]:
    e, s = ENTITLEMENTS, SUBSCRIPTIONS
    same = and_(s.c.subscription_id == e.c.subscription_id, _SET_TO_END)
    return statement.select_from(e).join(s, same, isouter=True)


def _joined_to_ended(statement: Select[Any]) -> Select[Any]:
    e, s = ENTITLEMENTS, SUBSCRIPTIONS
    return statement.select_from(s).join(e, e.c.subscription_id == s.c.subscription_id)


def _statement(ends_at: ColumnElement[Any], joined: _Join = _joined) -> Select[Any]:
    o, e, s = ORGANIZATIONS, ENTITLEMENTS, SUBSCRIPTIONS
    columns = (
        o.c.name,
        o.c.email,
        e.c.org_id,
        e.c.subscription_id,
        e.c.plan,
        e.c.status,
        ends_at.label("over_at"),
        e.c.has_access,
        e.c.quantity,
        e.c.unit_amount,
        _AMOUNT.label("amount"),
        e.c.currency,
        e.c.interval,
        s.c.interval_count,
        s.c.canceled_at,
        s.c.cancellation_reason,
        s.c.cancellation_feedback,
        s.c.cancellation_comment,
    )
    return joined(select(*columns)).join(o, o.c.org_id == e.c.org_id, isouter=True)


def _summed(filters: LeavingFilters | None, key: ColumnElement[Any] | None = None) -> Select[Any]:
    """Totals of those who leave; their many subscriptions are looked into only where needed."""
    e, s, p = ENTITLEMENTS.c, SUBSCRIPTIONS.c, PRICES.c
    why = filters is not None and (filters.reason is not None or filters.feedback is not None)
    if why or key is s.cancellation_feedback:
        return _joined(summed(e.currency, e.interval, s.interval_count, _AMOUNT, key))
    statement = summed(e.currency, e.interval, p.interval_count, _AMOUNT, key)
    return statement.select_from(ENTITLEMENTS).join(PRICES, p.price_id == e.price_id, isouter=True)


def _summed_ended() -> Select[Any]:
    e, s = ENTITLEMENTS.c, SUBSCRIPTIONS.c
    return _joined_to_ended(summed(e.currency, e.interval, s.interval_count, _AMOUNT))


def _position(after: str | None) -> tuple[datetime, str] | None:
    position = decode_cursor(after, 2)
    if position is None or not isinstance(position[0], datetime):
        return None
    return position[0], str(position[1])


def _page(
    rows: list[Row], limit: int, config: BillingConfig, now: datetime
) -> tuple[tuple[LeavingRow, ...], str | None]:
    cursor = None
    if len(rows) > limit:
        cursor = encode_cursor((rows[limit - 1]["over_at"], rows[limit - 1]["org_id"]))
    return tuple(_leaving(row, config, now) for row in rows[:limit]), cursor


def _leaving(row: Row, config: BillingConfig, now: datetime) -> LeavingRow:
    return LeavingRow(
        org_id=row["org_id"],
        name=row["name"],
        email=row["email"],
        subscription_id=row["subscription_id"],
        plan=row["plan"],
        plan_name=config.plan_name(row["plan"]),
        status=row["status"],
        ends_at=row["over_at"],
        asked_at=row["canceled_at"],
        overdue=bool(row["has_access"]) and row["over_at"] < now.astimezone(UTC),
        quantity=row["quantity"],
        unit_amount=row["unit_amount"],
        amount=row["amount"],
        currency=row["currency"],
        interval=row["interval"],
        interval_count=row["interval_count"] or 1,
        reason=row["cancellation_reason"],
        feedback=row["cancellation_feedback"],
        comment=row["cancellation_comment"],
    )
