"""Organizations whose price belongs to no plan, in the order of the list by an index of their own."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from billing_core.queries.keyset import Position, page
from billing_core.queries.numbered import Narrow
from billing_core.queries.tables import ENTITLEMENTS, Row

_UNMAPPED = ENTITLEMENTS.alias("unmapped")
_U = _UNMAPPED.c


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Those whose entitlement follows from this price, if it gives no plan; else nobody."""

    price_id: str

    def found(self) -> Select[Any]:
        """``org_id`` and ``created_at`` of all of them."""
        return self._found(_U.org_id, _U.org_created_at.label("created_at"))

    def named(self) -> Select[Any]:
        """Their ids."""
        return self._found(_U.org_id)

    def subscription_ids(self) -> Select[Any]:
        """The subscriptions that their entitlements follow from."""
        return self._found(_U.subscription_id).where(_U.subscription_id.is_not(None))

    def page(
        self,
        connection: Connection,
        narrow: Narrow,
        *,
        after: Position | None,
        limit: int,
        descending: bool,
    ) -> list[Row]:
        """``org_id`` and ``sort``, when they came to be, as ``Numbered.page`` has them."""
        sort, key = _U.org_created_at, _U.org_id
        listed = narrow(self._found(key, sort.label("sort")), key)
        return page(
            connection,
            listed,
            sort,
            key,
            after=after,
            limit=limit,
            descending=descending,
            rest=(listed.where(sort.is_(None)), (sort, key)),
        )

    def _found(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).where(
            _U.plan.is_(None), _U.price_id.is_not(None), _U.price_id == self.price_id
        )
