"""Who leaves, when, and for how much a period; and who has left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, select

from billing_core.config import BillingConfig
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.recurring import PARTS, totals, totals_by
from billing_core.queries.rollups import Columns, Source, added_up, told
from billing_core.queries.tables import (
    ENTITLEMENTS,
    NEVER,
    ORGANIZATIONS,
    SUBSCRIPTIONS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import LeavingPage, LeavingRow, RecurringTotal, TotalsGroup
from billing_core.tables import RollupKind

_E, _S = ENTITLEMENTS.c, SUBSCRIPTIONS.c
_AMOUNT = _E.unit_amount * _E.quantity
_PARTS: Columns = {
    "plan": told(_E.plan),
    "currency": told(_E.currency),
    "interval": told(_E.interval),
    "interval_count": _E.interval_count,
    "reason": told(_E.cancellation_reason),
    "feedback": told(_E.cancellation_feedback),
}
_LEAVING = Source(RollupKind.LEAVING, _E.ends_at, _AMOUNT, _PARTS)
_LEFT = Source(RollupKind.LEFT, _E.ended_at, _AMOUNT, _PARTS)


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

    def between(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The time that is included, and the one that no longer is."""
        since, before = self.ends_from, self.ends_before
        if self.overdue is False:
            since = max(since or now, now)
        elif self.overdue:
            before = min(before or now, now)
        return since, before

    def narrow(self, columns: Columns) -> list[ColumnElement[bool]]:
        """The rest, as conditions on ``columns``, which have empty text for null."""
        wanted = {
            "plan": self.plan,
            "currency": self.currency and self.currency.lower(),
            "interval": self.interval,
            "reason": self.reason,
            "feedback": self.feedback,
        }
        return [columns[name] == value for name, value in wanted.items() if value is not None]


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
    filters = filters or LeavingFilters()
    rows = _rows(
        connection, _LEAVING, filters, filters.between(now), after, limit, descending=False
    )
    return _page(rows, limit, config_or_default(config), now)


def leaving_totals(
    connection: Connection, filters: LeavingFilters | None = None, *, now: datetime
) -> tuple[RecurringTotal, ...]:
    """The totals of everybody who is set to leave and matches."""
    return totals(_leaving(connection, filters, PARTS, now))


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
    return _groups(_leaving(connection, filters, PARTS, now, bounds), "span")


def leaving_by_plan(
    connection: Connection, filters: LeavingFilters | None, *, now: datetime
) -> tuple[TotalsGroup, ...]:
    """Those who are set to leave, by their plan; None is an unmapped price."""
    return _groups(_leaving(connection, filters, ("plan", *PARTS), now), "plan")


def leaving_by_feedback(
    connection: Connection, filters: LeavingFilters | None, *, now: datetime
) -> tuple[TotalsGroup, ...]:
    """Those who are set to leave, by the answer that they gave in Stripe's survey, or None."""
    return _groups(_leaving(connection, filters, ("feedback", *PARTS), now), "feedback")


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
    """Whose access has ended since ``since``, latest first, with the totals of all of them.

    Of ``filters`` the times do not count.
    """
    rows, cursor = ended_rows(
        connection, since, filters, now=now, after=after, limit=limit, config=config
    )
    narrow = (filters or LeavingFilters()).narrow
    sums = added_up(connection, _LEFT, narrow, PARTS, since=since)
    return LeavingPage(rows, cursor, totals=totals(sums))


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
    filters = filters or LeavingFilters()
    rows = _rows(connection, _LEFT, filters, (since, None), after, limit, descending=True)
    return _page(rows, limit, config_or_default(config), now)


def _leaving(
    connection: Connection,
    filters: LeavingFilters | None,
    parts: Sequence[str],
    now: datetime,
    cuts: Sequence[datetime] = (),
) -> list[Row]:
    filters = filters or LeavingFilters()
    since, before = filters.between(now)
    sums = partial(added_up, connection, _LEAVING, filters.narrow, parts)
    return sums(since=since, before=before, cuts=cuts)


def _groups(sums: Sequence[Row], key: str) -> tuple[TotalsGroup, ...]:
    groups = [
        TotalsGroup(
            key=str(group) if group != "" else None,
            organizations=sum(total.organizations for total in own),
            totals=own,
        )
        for group, own in totals_by(sums, key).items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.organizations, group.key or "")))


def _rows(
    connection: Connection,
    source: Source,
    filters: LeavingFilters,
    between: tuple[datetime | None, datetime | None],
    after: str | None,
    limit: int,
    *,
    descending: bool,
) -> list[Row]:
    """The page that follows ``after``: chosen in an index that holds all that they go by."""
    at, (since, before) = source.at, between
    chosen = select(_E.org_id, at.label("over_at")).where(
        at >= (since or NEVER), *filters.narrow(source.parts)
    )
    if before is not None:
        chosen = chosen.where(at < before)
    position = _position(after)
    if position is not None:
        chosen = chosen.where(beyond((at, _E.org_id), position, descending=descending))
    order = (at.desc(), _E.org_id.desc()) if descending else (at, _E.org_id)
    page = chosen.order_by(*order).limit(limit + 1).subquery()
    over_at, key = page.c.over_at, page.c.org_id
    o = ORGANIZATIONS.c
    statement = (
        select(
            *(o.name, o.email, _E.org_id, _E.subscription_id, _E.plan, _E.status, over_at),
            *(_E.has_access, _E.quantity, _E.unit_amount, _AMOUNT.label("amount")),
            *(_E.currency, _E.interval, _E.interval_count, _S.canceled_at),
            *(_E.cancellation_reason, _E.cancellation_feedback, _S.cancellation_comment),
        )
        .select_from(page)
        .join(ENTITLEMENTS, _E.org_id == key)
        .join(SUBSCRIPTIONS, _S.subscription_id == _E.subscription_id, isouter=True)
        .join(ORGANIZATIONS, o.org_id == key, isouter=True)
    )
    again = (over_at.desc(), key.desc()) if descending else (over_at, key)
    return fetch(connection, statement.order_by(*again))


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
    return tuple(_leaving_row(row, config, now) for row in rows[:limit]), cursor


def _leaving_row(row: Row, config: BillingConfig, now: datetime) -> LeavingRow:
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
        interval_count=row["interval_count"],
        reason=row["cancellation_reason"],
        feedback=row["cancellation_feedback"],
        comment=row["cancellation_comment"],
    )
