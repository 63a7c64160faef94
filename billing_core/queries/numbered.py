"""Organizations that hold a text, in the order of the list: SQLite's own.

Its full-text index lists them by number, and numbers ascend with the second at which organizations
came to be. A page of the newest or oldest is therefore walked to, however many hold the text.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select
from sqlalchemy import column as bare_column
from sqlalchemy import table as bare_table

from billing_core.queries.keyset import Position, beyond
from billing_core.queries.tables import ORGANIZATIONS, Row, fetch

# As the triggers number them: so many bits for those of one second, and far below for those without.
_BITS = 24
_DATED = -(1 << 61)
# Kept by triggers; ``text`` is the name, a line's end, and the address, and ``created_at`` the
# organization's.
SEARCH = bare_table(
    "organization_search",
    bare_column("org_id", ORGANIZATIONS.c.org_id.type),
    bare_column("search_id"),
    bare_column("text"),
    bare_column("created_at", ORGANIZATIONS.c.created_at.type),
)
_TRIGRAMS = bare_table(
    "organization_trigrams", bare_column("rowid"), bare_column("organization_trigrams")
)
_S, _T = SEARCH.c, _TRIGRAMS.c
Narrow = Callable[[Select[Any], ColumnElement[str]], Select[Any]]


@dataclass(frozen=True, slots=True)
class Numbered:
    """What the index is asked for, and what is asked of each text that it names."""

    wanted: str
    holds: tuple[ColumnElement[bool], ...]

    def found(self) -> Select[Any]:
        """``org_id`` and ``created_at`` of all of them."""
        return self._found(_S.org_id, _S.created_at)

    def named(self) -> Select[Any]:
        """The numbers of those whom the index names, of whom some may not hold the whole text."""
        return select(_T.rowid).where(self._named)

    def page(
        self,
        connection: Connection,
        narrow: Narrow,
        *,
        after: Position | None,
        limit: int,
        descending: bool,
    ) -> list[Row]:
        """``org_id`` and ``sort``, when they came to be, of so many after a position.

        In the order of ``keyset.page``, those without a date last. ``narrow`` leaves out some of
        a statement's organizations, of whose ids it is given the column.
        """
        rows: list[Row] = []
        if after is None or after[0] is not None:
            rows = fetch(connection, self._dated(narrow, after, limit, descending=descending))
            after = None
        if len(rows) < limit:
            rest = self._listed(narrow).where(_T.rowid < _DATED)
            if after is not None:
                rest = rest.where(beyond((_S.org_id,), after[1:], descending=descending))
            rest = rest.order_by(_S.org_id.desc() if descending else _S.org_id)
            rows += fetch(connection, rest.limit(limit - len(rows)))
        return rows

    def _dated(
        self, narrow: Narrow, after: Position | None, limit: int, *, descending: bool
    ) -> Select[Any]:
        """Walked to by number; then the whole second in which the page ends is sorted.

        The index takes one bound of a kind, so each is said once.
        """
        listed, first, last = self._listed(narrow), literal(_DATED), None
        if after is not None and isinstance(after[0], datetime):
            second = math.floor(after[0].timestamp())
            listed = listed.where(beyond((_S.created_at, _S.org_id), after, descending=descending))
            if descending:  # SQLite rounds what is near the next second up to it
                last = literal((second + 2) << _BITS)
            else:
                first = literal(second << _BITS)
        number = _T.rowid
        walked = listed.where(number >= first)
        if last is not None:
            listed, walked = listed.where(number < last), walked.where(number < last)
        page = walked.order_by(number.desc() if descending else number).limit(limit).subquery()
        ends = func.min(page.c.number) if descending else func.max(page.c.number)
        second_of_end = select(ends.bitwise_rshift(_BITS)).scalar_subquery()
        if descending:
            listed = listed.where(number >= second_of_end.bitwise_lshift(_BITS))
            return listed.order_by(_S.created_at.desc(), _S.org_id.desc()).limit(limit)
        listed = listed.where(number >= first, number < (second_of_end + 1).bitwise_lshift(_BITS))
        return listed.order_by(_S.created_at, _S.org_id).limit(limit)

    def _listed(self, narrow: Narrow) -> Select[Any]:
        columns = (_S.org_id, _S.created_at.label("sort"), _T.rowid.label("number"))
        return narrow(self._found(*columns), _S.org_id)

    def _found(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return (
            select(*columns)
            .select_from(_TRIGRAMS)
            .join(SEARCH, _S.search_id == _T.rowid)
            .where(self._named, *self.holds)
        )

    @property
    def _named(self) -> ColumnElement[bool]:
        return _T.organization_trigrams.bool_op("MATCH")(literal(self.wanted))
