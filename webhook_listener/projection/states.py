"""How many orgs are in which state, kept by the day, so that a trend is read and not counted."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from sqlmodel import SQLModel

from webhook_listener.upsert import insert

Row = Mapping[str, Any]

_ROLLUPS = SQLModel.metadata.tables["state_rollups"]
_STATUSES = frozenset({"trialing", "past_due", "unpaid", "incomplete", "paused"})


def states_of(entitlement: Row | None) -> frozenset[str]:
    """The states that are counted and that an org with this entitlement is in."""
    if entitlement is None:
        return frozenset()
    status = entitlement["status"]
    found = {"known"} | ({status} if status in _STATUSES else set())
    if entitlement["has_access"]:
        found.add("access")
    if entitlement["ends_at"] is not None:
        found.add("winding_down")
    if entitlement["plan"] is None and entitlement["price_id"] is not None:
        found.add("unmapped")
    return frozenset(found)


class StateMoves:
    """Orgs that entered and left states in one batch."""

    def __init__(self) -> None:
        self._by_day: Counter[tuple[str, datetime]] = Counter()
        self._latest: datetime | None = None
        self._gone: Counter[str] = Counter()

    def changed(self, before: Row | None, after: Row, at: datetime) -> None:
        """An org's entitlement changed at that time."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._latest = day if self._latest is None else max(day, self._latest)
        old, new = states_of(before), states_of(after)
        for state in new - old:
            self._by_day[state, day] += 1
        for state in old - new:
            self._by_day[state, day] -= 1

    def gone(self, entitlement: Row) -> None:
        """An org was merged into another; it counts as of the batch's last change."""
        self._gone.update(states_of(entitlement))

    def write(self, connection: Connection, now: datetime) -> None:
        """Add everything to the roll-ups and begin anew."""
        day = self._latest or now.replace(hour=0, minute=0, second=0, microsecond=0)
        for state, count in self._gone.items():
            self._by_day[state, day] -= count
        # Always in one order, so that no two writers deadlock.
        rows = [
            {"state": state, "day": day, "more": more}
            for (state, day), more in sorted(self._by_day.items())
            if more
        ]
        if rows:
            statement = insert(connection, _ROLLUPS)
            statement = statement.on_conflict_do_update(
                index_elements=["state", "day"],
                set_={"more": _ROLLUPS.c.more + statement.excluded.more},
            )
            connection.execute(statement, rows)
        self._by_day.clear()
        self._gone.clear()
        self._latest = None
