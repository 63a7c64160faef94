"""Paging by where the last page ended: as quick on the thousandth page as on the first."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, and_, literal, or_, tuple_
from sqlalchemy.sql import Select

from billing_core.queries.tables import Row, fetch

Position = Sequence[str | int | datetime | None]


def encode_cursor(position: Position) -> str:
    """A position as short text that may stand in a URL."""
    raw = orjson.dumps([_Time.encode(part) for part in position])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str | None, length: int) -> list[Any] | None:
    """The position that a cursor stands for; None, the beginning, where it makes no sense."""
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        parts = orjson.loads(raw)
        position = [_Time.decode(part) for part in parts]
    except (binascii.Error, ValueError, TypeError):
        return None
    return position if len(position) == length else None


class _Time:
    """Datetimes in JSON as ``{"t": microseconds}``."""

    @staticmethod
    def encode(part: Any) -> Any:  # noqa: ANN401 - any part of a position
        if isinstance(part, datetime):
            return {"t": int(part.timestamp()) * 1_000_000 + part.microsecond}
        return part

    @staticmethod
    def decode(part: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(part, dict):
            seconds, microseconds = divmod(int(part["t"]), 1_000_000)
            return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
        if part is not None and not isinstance(part, str | int):
            raise ValueError("not a part of a position")
        return part


def beyond(
    columns: Sequence[ColumnElement[Any]], position: Position, *, descending: bool
) -> ColumnElement[bool]:
    """The rows after ``position`` in the order of ``columns``, none of which is null."""
    here = tuple_(*(literal(value, column.type) for value, column in _pairs(position, columns)))
    there = tuple_(*columns)
    return there < here if descending else there > here


def _pairs(
    position: Position, columns: Sequence[ColumnElement[Any]]
) -> list[tuple[Any, ColumnElement[Any]]]:
    return list(zip(position, columns, strict=True))


def nulls_last(
    sort: ColumnElement[Any], key: ColumnElement[Any], *, descending: bool
) -> tuple[ColumnElement[Any], ...]:
    """The order of ``page``, for rows that are sorted anyway."""
    if descending:
        return sort.is_(None), sort.desc(), key.desc()
    return sort.is_(None), sort, key


def beyond_nulls_last(
    sort: ColumnElement[Any], key: ColumnElement[Any], position: Position, *, descending: bool
) -> ColumnElement[bool]:
    """The rows after ``position`` in that order."""
    rest = sort.is_(None)
    if position[0] is None:
        return and_(rest, beyond((key,), position[1:], descending=descending))
    return or_(rest, beyond((sort, key), position, descending=descending))


def page(
    connection: Connection,
    statement: Select[Any],
    order: ColumnElement[Any],
    key: ColumnElement[str],
    *,
    after: Position | None,
    limit: int,
    descending: bool,
    rest: tuple[Select[Any], Sequence[ColumnElement[Any]]] | None,
) -> list[Row]:
    """Up to ``limit`` rows in the order of ``order`` and ``key``, rows without it last.

    Two index ranges, one after the other, so that both databases put nulls in the same place. The
    second is that of ``rest``, the rows without ``order`` where there are any, in the order of its
    columns, of which the last is their key.
    """
    rows: list[Row] = []
    if after is None or after[0] is not None:
        ordered = statement.where(order.is_not(None))
        if after is not None:
            ordered = ordered.where(beyond((order, key), after, descending=descending))
            if not isinstance(order, Column):
                # Said once more, because SQLite looks into no index on an expression for a pair.
                there = order <= after[0] if descending else order >= after[0]
                ordered = ordered.where(there)
        directions = (order.desc(), key.desc()) if descending else (order.asc(), key.asc())
        rows = fetch(connection, ordered.order_by(*directions).limit(limit))
        after = None
    if rest is not None and len(rows) < limit:
        without, columns = rest
        if after is not None:
            without = without.where(beyond(columns[-1:], after[1:], descending=descending))
        ordered = without.order_by(*(column.desc() if descending else column for column in columns))
        last = ordered.limit(limit - len(rows))
        rows += fetch(connection, last)
    return rows
