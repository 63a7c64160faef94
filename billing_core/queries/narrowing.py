"""What a list of organizations is narrowed to, and which index is left to find it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, select
from sqlalchemy.sql import Select

from billing_core.queries.tables import ENTITLEMENTS, NEVER, ORGANIZATIONS, WINDING_DOWN

_SOON_COUNTED = 4_000
_O, _E = ORGANIZATIONS.c, ENTITLEMENTS.c
# As the index of them says it.
_WITHOUT_CUSTOMER = func.coalesce(_O.stripe_customer_id, literal_column("''")) == literal_column(
    "''"
)


@dataclass(frozen=True, slots=True)
class OrganizationFilters:
    """What a list of organizations is narrowed to; everything by default.

    ``plan`` is a slug, ``currency`` as Stripe writes it (``eur``).
    """

    status: str | None = None
    plan: str | None = None
    interval: str | None = None
    currency: str | None = None
    winding_down: bool = False
    past_due: bool = False
    unmapped: bool = False
    no_customer: bool = False


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Conditions of which one is left to an index and the others are looked at row by row.

    ``hidden`` are all that speak of entitlements, said so that no index fits: a planner without
    statistics would go through everybody whom one of them lets through, and sort.
    """

    driving: tuple[ColumnElement[bool], ...] = ()
    others: tuple[ColumnElement[bool], ...] = ()
    hidden: tuple[ColumnElement[bool], ...] = ()
    of_organization: tuple[ColumnElement[bool], ...] = ()

    @classmethod
    def by(cls, connection: Connection, filters: OrganizationFilters) -> "Narrowed":
        """What ``filters`` mean; the condition that fewest pass drives."""
        each = _each(filters)
        hidden = tuple(condition for _, condition in each)
        place = _rarest(connection, [visible for visible, _ in each])
        return cls(
            driving=each[place][0] if each else (),
            others=hidden[:place] + hidden[place + 1 :],
            hidden=hidden,
            of_organization=(_WITHOUT_CUSTOMER,) if filters.no_customer else (),
        )

    @property
    def any(self) -> bool:
        """Whether it is less than everybody."""
        return bool(self.hidden or self.of_organization)

    @property
    def by_entitlement(self) -> bool:
        """Whether an index on entitlements is walked, and not one on organizations."""
        return bool(self.hidden and not self.of_organization)

    def counted(self) -> Select[Any]:
        """Everybody who matches, by as little as an index may hold."""
        if self.by_entitlement:
            return select(_E.org_id).where(*self.driving, *self.others)
        return self.joined(select(_O.org_id).select_from(ORGANIZATIONS))

    def matching(self) -> Select[Any]:
        """Everybody who matches, with when they came to be."""
        if self.by_entitlement:
            return select(_E.org_id, _E.org_created_at.label("created_at")).where(
                *self.driving, *self.others
            )
        return self.joined(select(_O.org_id, _O.created_at).select_from(ORGANIZATIONS))

    def joined(self, statement: Select[Any]) -> Select[Any]:
        """A statement over organizations, narrowed."""
        if self.hidden:
            statement = statement.join(ENTITLEMENTS, _E.org_id == _O.org_id)
        return statement.where(*self.of_organization, *self.hidden)

    def beside(
        self,
        statement: Select[Any],
        org_id: ColumnElement[str],
        *,
        organizations: bool = False,
        entitlements: bool = False,
    ) -> Select[Any]:
        """A statement that has organizations' ids alone, narrowed; with the tables asked for."""
        if organizations or self.of_organization:
            statement = statement.join(ORGANIZATIONS, _O.org_id == org_id)
        if entitlements or self.hidden:
            statement = statement.join(ENTITLEMENTS, _E.org_id == org_id)
        return statement.where(*self.of_organization, *self.hidden)


_Both = tuple[tuple[ColumnElement[bool], ...], ColumnElement[bool]]


def _each(filters: OrganizationFilters) -> list[_Both]:
    """Each filter on entitlements, as its index takes it and hidden; those of few come first."""
    found: list[_Both] = []
    if filters.unmapped:
        unmapped = and_(func.coalesce(_E.plan, "") == "", func.coalesce(_E.price_id, "") != "")
        found.append(((_E.plan.is_(None), _E.price_id.is_not(None)), unmapped))
    if filters.winding_down:
        found.append(((WINDING_DOWN,), func.coalesce(_E.ends_at, NEVER) > NEVER))
    for column, value in (
        (_E.status, "past_due" if filters.past_due else None),
        (_E.status, filters.status),
        (_E.plan, filters.plan),
        (_E.currency, filters.currency and filters.currency.lower()),
        (_E.interval, filters.interval),
    ):
        if value:
            found.append(((column == value,), func.coalesce(column, "") == value))
    return found


def _rarest(connection: Connection, conditions: Sequence[tuple[ColumnElement[bool], ...]]) -> int:
    """The place of the condition that fewest pass, as far as that is soon counted."""
    if len(conditions) < 2:
        return 0
    counts = [
        select(func.count())
        .select_from(select(_E.org_id).where(*condition).limit(_SOON_COUNTED).subquery())
        .scalar_subquery()
        for condition in conditions
    ]
    found = list(connection.execute(select(*counts)).one())
    return found.index(min(found))
