"""Who leaves, who has left and what was undone, added up as the rows change.

Each row counts once in its day and once in its month. What a changed row counted as before is
taken off by the same rules, so that the sums are those of the rows at any time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from sqlmodel import SQLModel

from billing_core.tables import Grain, RollupKind, took
from webhook_listener.upsert import insert

Row = Mapping[str, Any]
Change = tuple[Row | None, Row | None]
Key = tuple[RollupKind, datetime, tuple[Any, ...]]

_ROLLUPS = SQLModel.metadata.tables["revenue_rollups"]
_PARTS = (
    *("plan", "price_id", "currency", "interval", "interval_count"),
    *("reason", "feedback", "standing", "took"),
)
_KEY = ("kind", "grain", "since", *_PARTS)
_SUMS = ("entries", "with_amount", "amount")
_OF_ENTITLEMENT = (RollupKind.LEAVING, "ends_at"), (RollupKind.LEFT, "ended_at")
_OF_CANCELLATION = (
    (RollupKind.BEGUN, "begun_at"),
    (RollupKind.UNDONE, "undone_at"),
    (RollupKind.CAME_TRUE, "ended_at"),
)


def _of_entitlement(row: Row) -> Iterator[Key]:
    for kind, name in _OF_ENTITLEMENT:
        if row[name] is not None:
            yield (
                kind,
                row[name],
                (
                    row["plan"] or "",
                    "",
                    row["currency"] or "",
                    row["interval"] or "",
                    row["interval_count"],
                    row["cancellation_reason"] or "",
                    row["cancellation_feedback"] or "",
                    "",
                    "",
                ),
            )


def _of_cancellation(row: Row) -> Iterator[Key]:
    for kind, name in _OF_CANCELLATION:
        if row[name] is not None:
            undone = kind is RollupKind.UNDONE
            yield (
                kind,
                row[name],
                (
                    "",
                    row["price_id"] or "",
                    row["currency"] or "",
                    row["interval"] or "",
                    row["interval_count"],
                    row["reason"] or "",
                    row["feedback"] or "",
                    row["standing"] if undone else "",
                    (took(row["seconds_to_undo"]) or "") if undone else "",
                ),
            )


_RULES = {"plan_entitlements": _of_entitlement, "cancellations": _of_cancellation}


class RevenueMoves:
    """What one batch adds to the roll-ups and takes off them."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Any, ...], list[int]] = {}

    def changed(self, table: str, changes: Iterable[Change]) -> None:
        """Rows of ``table`` were so and are so now; of other tables nothing is added up."""
        rule = _RULES.get(table)
        if rule is None:
            return
        for before, after in changes:
            for row, sign in ((before, -1), (after, 1)):
                if row is not None:
                    for key in rule(row):
                        self._add(key, row, sign)

    def _add(self, key: Key, row: Row, sign: int) -> None:
        kind, at, parts = key
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        known = row["unit_amount"] is not None and row["quantity"] is not None
        amount = row["unit_amount"] * row["quantity"] if known else 0
        for grain, since in ((Grain.DAY, day), (Grain.MONTH, day.replace(day=1))):
            sums = self._sums.setdefault((kind.value, grain.value, since, *parts), [0, 0, 0])
            sums[0] += sign
            sums[1] += sign * known
            sums[2] += sign * amount

    def write(self, connection: Connection) -> None:
        """Add everything to the roll-ups, drop those that nobody is left in, and begin anew."""
        # Always in one order, so that no two writers deadlock.
        rows = [
            dict(zip((*_KEY, *_SUMS), (*key, *sums), strict=True))
            for key, sums in sorted(self._sums.items())
            if any(sums)
        ]
        self._sums.clear()
        if not rows:
            return
        statement = insert(connection, _ROLLUPS)
        added = {name: _ROLLUPS.c[name] + statement.excluded[name] for name in _SUMS}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(_KEY), set_=added), rows
        )
        if any(row["entries"] < 0 for row in rows):
            connection.execute(_ROLLUPS.delete().where(_ROLLUPS.c.entries == 0))
