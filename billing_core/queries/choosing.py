"""Which organizations are on a page of the list: found, narrowed to and sorted by indexes alone.

Where few match they are collected and sorted. Where many do, walking an index in the order of the
list soon meets enough of them.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, CompoundSelect, Connection, func, select, true
from sqlalchemy.sql import Select

from billing_core.queries.fragments import is_large
from billing_core.queries.keyset import beyond_nulls_last, nulls_last
from billing_core.queries.list_page import Order, Page
from billing_core.queries.narrowing import Narrowed, OrganizationFilters
from billing_core.queries.numbered import Numbered
from billing_core.queries.search import Match
from billing_core.queries.tables import (
    ENTITLEMENTS,
    ORGANIZATIONS,
    Row,
    capped_count,
    fetch,
)
from billing_core.queries.unmapped import Unmapped
from billing_core.queries.walking import at_a_glance, at_first_glance, walked, worth_a_glance
from billing_core.rows import Count

FEW = 4_000
COUNT_CAP = 10_000
# What somebody looks for is mostly in few names: that is tried first, and costs little in vain
# where a page of more is found in another way than by collecting and sorting them.
RARE = 250
_O, _E = ORGANIZATIONS.c, ENTITLEMENTS.c


def choose(
    connection: Connection, match: Match | None, filters: OrganizationFilters, wanted: Page
) -> tuple[list[Row], Count]:
    """The ``org_id`` and ``sort`` of those on the page, and how many match altogether.

    One more than the page holds tells that there is another. Counts stop at ten thousand; those of
    a text that many hold at four thousand, in a large company where it is soon seen that they do.
    """
    narrowed = Narrowed.by(connection, filters)
    if match is None:
        return _everybody(connection, narrowed, wanted)
    if match.fragment and worth_a_glance(connection, wanted):
        seen = at_first_glance(connection, match.condition, narrowed, wanted)
        if len(seen) <= wanted.limit:
            few = _few_held(connection, match, RARE, narrowed, wanted)
            if few is not None:
                return few
            seen = at_a_glance(connection, match.condition, narrowed, wanted, seen)
        if len(seen) > wanted.limit:
            return seen[: wanted.limit + 1], Count(len(seen), capped=True)
    in_order = match.in_order if wanted.by_date else None
    if narrowed.any or in_order is None or match.fragment:
        most = FEW // 2 if narrowed.any else FEW if in_order is None else RARE
        few = _few_held(connection, match, most, narrowed, wanted)
        if few is not None:
            return few
    if in_order is not None and _fewer_hold(connection, in_order, narrowed):
        listed = _listed_in_order(connection, match, in_order, narrowed, wanted)
        if listed is not None:
            return listed
    rows = walked(connection, narrowed, wanted, match.condition)
    if not narrowed.any:
        return rows, match.count or Count(FEW, capped=True)
    return rows, _at_least(rows, wanted)


def _few_held(
    connection: Connection, match: Match, most: int, narrowed: Narrowed, wanted: Page
) -> tuple[list[Row], Count] | None:
    """The page where no more match than ``most``, all of whom are found and sorted; else None."""
    held = match.held(most + 1)
    if held is None:
        return None
    few = _Few(held, most, yet_to_narrow=True)
    rows, count = _collected(connection, few, narrowed, wanted)
    return (rows, count) if count is not None else None


def _at_least(rows: list[Row], wanted: Page) -> Count:
    all_of_them = wanted.after is None and len(rows) <= wanted.limit
    return Count(len(rows)) if all_of_them else Count(wanted.limit, capped=True)


def _everybody(connection: Connection, narrowed: Narrowed, wanted: Page) -> tuple[list[Row], Count]:
    """The page where no text is looked for."""
    count = capped_count(connection, narrowed.counted(), COUNT_CAP)
    sorted_otherwise = narrowed.any and wanted.order in (Order.NAME, Order.ENDS)
    if sorted_otherwise and not count.capped:
        # The limit cuts nobody off; it tells the planner how few they are.
        few = _Few(narrowed.matching().limit(count.value + 1), count.value)
        return _collected(connection, few, narrowed, wanted)[0], count
    return walked(connection, narrowed, wanted), count


def _fewer_hold(connection: Connection, in_order: Numbered | Unmapped, narrowed: Narrowed) -> bool:
    """Whether fewer organizations are in an index than are let through, as far as is soon counted."""
    if not narrowed.any:
        return True
    holding = capped_count(connection, in_order.named(), COUNT_CAP)
    return holding.value < capped_count(connection, narrowed.counted(), COUNT_CAP).value


def _listed_in_order(
    connection: Connection,
    match: Match,
    in_order: Numbered | Unmapped,
    narrowed: Narrowed,
    wanted: Page,
) -> tuple[list[Row], Count] | None:
    """The page of those whom an index has in the order of the list and of the few others.

    None where these are many: a text that nearly every id begins with. A text is to be looked for
    so where more than ``RARE`` hold it.
    """
    few = _Few(match.otherwise.limit(FEW + 1), FEW, yet_to_narrow=True)
    others, count = _collected(connection, few, narrowed, wanted)
    if count is None:
        return None
    rows = in_order.page(
        connection,
        narrowed.beside,
        after=wanted.after,
        limit=wanted.limit + 1,
        descending=wanted.descending,
    )
    listed = wanted.merged(rows, others)
    if narrowed.any:
        return listed, _at_least(listed, wanted)
    if match.fragment and is_large(connection):
        return listed, Count(RARE, capped=True)
    together = count.value + capped_count(connection, in_order.found(), FEW + 1).value
    return listed, Count(min(together, FEW), capped=together > FEW)


@dataclass(frozen=True, slots=True)
class _Few:
    """A statement for at most so many that they may be sorted."""

    statement: Select[Any] | CompoundSelect[Any]
    most: int
    yet_to_narrow: bool = False


def _collected(
    connection: Connection, few: _Few, narrowed: Narrowed, wanted: Page
) -> tuple[list[Row], Count | None]:
    """The page of those few, who are sorted, and their number; None where they are not few."""
    held = few.statement.cte("held")
    sortable = _sortable(held, narrowed, wanted.order, narrow=few.yet_to_narrow)
    found = sortable.cte("found")
    sort, key = found.c.sort, found.c.org_id
    page_of = select(key, sort)
    if wanted.after is not None:
        after = beyond_nulls_last(sort, key, wanted.after, descending=wanted.descending)
        page_of = page_of.where(after)
    order = nulls_last(sort, key, descending=wanted.descending)
    shown = page_of.order_by(*order).limit(wanted.limit + 1).subquery("shown")
    counts = select(
        select(func.count()).select_from(held).scalar_subquery().label("held"),
        select(func.count()).select_from(found).scalar_subquery().label("found"),
    ).subquery("counts")
    again = nulls_last(shown.c.sort, shown.c.org_id, descending=wanted.descending)
    rows = fetch(
        connection,
        select(counts, shown)
        .select_from(counts.join(shown, true(), isouter=True))
        .order_by(*again),
    )
    if rows[0]["held"] > few.most:
        return [], None
    return [row for row in rows if row["org_id"] is not None], Count(rows[0]["found"])


def _sortable(few: CTE, narrowed: Narrowed, order: Order, *, narrow: bool) -> Select[Any]:
    """Those held with what they are sorted by, narrowed where that has yet to be done."""
    sort = {Order.NAME: func.lower(_O.name), Order.ENDS: _E.ends_at}.get(order, few.c.created_at)
    return (narrowed if narrow else Narrowed()).beside(
        select(few.c.org_id, sort.label("sort")).select_from(few),
        few.c.org_id,
        organizations=order is Order.NAME,
        entitlements=order is Order.ENDS,
    )
