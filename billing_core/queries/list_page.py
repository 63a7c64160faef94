"""A page of the list of organizations: which one, and in which order."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from itertools import islice

from billing_core.queries.keyset import Position
from billing_core.queries.tables import Row

_NEVER = datetime.min.replace(tzinfo=UTC)


class Order(StrEnum):
    """How the list is sorted."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    ENDS = "ends"


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of the list in which order; ``after`` is where the one before ended."""

    order: Order
    after: Position | None
    limit: int

    @property
    def descending(self) -> bool:
        """Whether it goes from great to small."""
        return self.order is Order.NEWEST

    @property
    def by_date(self) -> bool:
        """Whether it goes by when organizations came to be."""
        return self.order in (Order.NEWEST, Order.OLDEST)

    def merged(self, rows: list[Row], others: list[Row]) -> list[Row]:
        """Two lists in this order as one, which goes by date; one more than the page holds."""

        def place(row: Row) -> tuple[bool, datetime, str]:
            undated = row["sort"] is None
            return undated is not self.descending, row["sort"] or _NEVER, row["org_id"]

        both = merge(rows, others, key=place, reverse=self.descending)
        return list(islice(both, self.limit + 1))
