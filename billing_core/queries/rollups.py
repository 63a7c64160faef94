"""Sums of recurring amounts between any two moments, read from what is added up by day and month.

Whole months and days are added up already; what lies between a moment and its nearest midnight is
counted in the rows themselves, and added or taken off. So a sum is that of the rows to the second,
however many there are.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql import Select

from billing_core.queries.tables import REVENUE_ROLLUPS, Row
from billing_core.tables import Grain, RollupKind

_SUMS = ("entries", "with_amount", "amount")
Columns = Mapping[str, ColumnElement[Any]]
_R: Columns = {column.name: column for column in REVENUE_ROLLUPS.columns}
Narrow = Callable[[Columns], list[ColumnElement[bool]]]
_Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that one kind of roll-up adds up: when each counts, and what it is told apart by.

    ``parts`` have the names of the roll-ups' columns, and empty text where the row has null.
    """

    kind: RollupKind
    at: ColumnElement[Any]
    amount: ColumnElement[Any]
    parts: Columns


def told(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A row's column as the roll-ups tell it: empty text for null."""
    return func.coalesce(column, literal_column("''"))


def added_up(
    connection: Connection,
    source: Source,
    narrow: Narrow,
    parts: Sequence[str] = (),
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    cuts: Sequence[datetime] = (),
) -> list[Row]:
    """``entries``, ``with_amount`` and ``amount`` from ``since`` until ``before``.

    They are parted by ``parts``, and by ``span``: how many of ``cuts``, which ascend, lie at or
    before. ``narrow`` gets the columns of the roll-ups or of the rows and says which count.
    """
    if since is not None and before is not None and since >= before:
        return []
    inner = [cut for cut in cuts if _between(cut, since, before)]
    bounds = [since, *inner, before]
    found: dict[tuple[Any, ...], list[int]] = {}

    def add(span: int, row: Sequence[Any], sign: int) -> None:
        sums = found.setdefault((span, *row[:-3]), [0, 0, 0])
        for place, value in enumerate(row[-3:]):
            sums[place] += sign * int(value)

    def span_of(start: datetime | None) -> int:
        return bisect_right(cuts, start) if start is not None else 0

    starts = [span_of(bound) for bound in bounds[:-1]]
    snapped = [_midnight(bound) if bound is not None else None for bound in bounds]
    inside = [at for at in snapped[1:-1] if at is not None]
    whole = _of_rollups(source, narrow, parts, snapped)
    for row in connection.execute(whole) if whole is not None else ():
        add(starts[bisect_right(inside, row[0])], row[1:], 1)
    edges = [
        _Edge(place, at, near)
        for place, (at, near) in enumerate(zip(bounds, snapped, strict=True))
        if at is not None and near is not None and at != near
    ]
    times = _apart(edges)
    for row in connection.execute(_at_edges(source, narrow, parts, times)) if times else ():
        for edge in times[row[0]][2]:
            # A moment after its midnight: what lies in between belongs to the span that it ends.
            sign = 1 if edge.at > edge.near else -1
            if edge.place > 0:
                add(starts[edge.place - 1], row[1:], sign)
            if edge.place < len(starts):
                add(starts[edge.place], row[1:], -sign)
    names = ("span", *parts, *_SUMS)
    return [dict(zip(names, (*key, *sums), strict=True)) for key, sums in found.items() if sums[0]]


def _between(at: datetime, since: datetime | None, before: datetime | None) -> bool:
    return (since is None or at > since) and (before is None or at < before)


def _midnight(at: datetime) -> datetime:
    """The nearest one of UTC's."""
    noon = at.astimezone(UTC) + timedelta(hours=12)
    return noon.replace(hour=0, minute=0, second=0, microsecond=0)


def _of_rollups(
    source: Source, narrow: Narrow, parts: Sequence[str], bounds: Sequence[datetime | None]
) -> Select[Any] | None:
    """The roll-ups between bounds that are midnights; None where there is nothing between them.

    The first column says when, where there are several spans.
    """
    spans = list(pairwise(bounds))
    wanted = [
        and_(_R["grain"] == grain.value, *_within(_R["since"], lo, hi))
        for grain, (lo, hi) in _joined([each for span in spans for each in _grains(*span)])
    ]
    if not wanted:
        return None
    columns = [_R[name] for name in parts]
    sums = (func.coalesce(func.sum(_R[name]), 0) for name in _SUMS)
    when: list[ColumnElement[Any]] = [_R["since"]] if len(spans) > 1 else []
    statement = select(*(when or [literal(0)]), *columns, *sums).where(
        _R["kind"] == source.kind.value, or_(*wanted), *narrow(_R)
    )
    return statement.group_by(*when, *columns)


def _within(
    column: ColumnElement[Any], lo: datetime | None, hi: datetime | None
) -> Iterator[ColumnElement[bool]]:
    if lo is not None:
        yield column >= lo
    if hi is not None:
        yield column < hi


def _grains(lo: datetime | None, hi: datetime | None) -> Iterator[tuple[Grain, _Span]]:
    """Whole months, and the days before and after them."""
    first = lo if lo is None or lo.day == 1 else _month(lo.replace(day=28) + timedelta(days=4))
    last = None if hi is None else _month(hi)
    if first is not None and last is not None and first > last:
        yield Grain.DAY, (lo, hi)
        return
    if lo != first:
        yield Grain.DAY, (lo, first)
    if first is None or last is None or first < last:
        yield Grain.MONTH, (first, last)
    if last != hi:
        yield Grain.DAY, (last, hi)


def _month(at: datetime) -> datetime:
    return at.replace(day=1)


def _joined(spans: Sequence[tuple[Grain, _Span]]) -> list[tuple[Grain, _Span]]:
    """Neighbours of one grain as one."""
    joined: list[tuple[Grain, _Span]] = []
    for grain, (lo, hi) in sorted(spans, key=lambda each: each[0]):
        if joined and joined[-1][0] is grain and joined[-1][1][1] == lo and lo is not None:
            joined[-1] = (grain, (joined[-1][1][0], hi))
        else:
            joined.append((grain, (lo, hi)))
    return joined


@dataclass(frozen=True, slots=True)
class _Edge:
    """A moment among the bounds, at its place, and the midnight nearest to it."""

    place: int
    at: datetime
    near: datetime


def _apart(edges: Sequence[_Edge]) -> list[tuple[datetime, datetime, list[_Edge]]]:
    """The times between the moments and their midnights, in order, each once with whose it is."""
    ends = sorted({end for edge in edges for end in (edge.at, edge.near)})
    parts = []
    for lo, hi in pairwise(ends):
        own = [edge for edge in edges if min(edge.at, edge.near) <= lo < max(edge.at, edge.near)]
        if own:
            parts.append((lo, hi, own))
    return parts


def _at_edges(
    source: Source,
    narrow: Narrow,
    parts: Sequence[str],
    times: Sequence[tuple[datetime, datetime, list[_Edge]]],
) -> Select[Any]:
    """The rows of these times, each time by its number."""
    number = (
        case(
            *((source.at < hi, place) for place, (_, hi, _) in enumerate(times[:-1])),
            else_=len(times) - 1,
        )
        if len(times) > 1
        else literal(0)
    )
    columns = [source.parts[name] for name in parts]
    amount = source.amount
    sums = (func.count(), func.count(amount), func.coalesce(func.sum(amount), 0))
    within = or_(*(and_(source.at >= lo, source.at < hi) for lo, hi, _ in times))
    statement = select(number.label("number"), *columns, *sums).where(within, *narrow(source.parts))
    return statement.group_by(*(["number"] if len(times) > 1 else []), *columns)
