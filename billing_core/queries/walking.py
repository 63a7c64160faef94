"""Pages met by walking an index in the order of the list, and looking at whom it names."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.sql import Select
from sqlalchemy.sql.util import ClauseAdapter

from billing_core.queries.fragments import is_large
from billing_core.queries.keyset import beyond, nulls_last, page
from billing_core.queries.list_page import Order, Page
from billing_core.queries.narrowing import Narrowed
from billing_core.queries.tables import ENTITLEMENTS, ORGANIZATIONS, WINDING_DOWN, Row, fetch

FIRST_GLANCE = 500
# Where so many of these hold a text, a page of them is mostly among so many.
OFTEN = 2
SOON = 5_000
GLANCE = 2_500
# Where so many of these hold a text, a page of them is soon met by going on for a while.
PROMISING = 5
WHILE = 25_000
_O, _E = ORGANIZATIONS.c, ENTITLEMENTS.c


def worth_a_glance(connection: Connection, wanted: Page) -> bool:
    """Whether finding all that hold a text may take long: SQLite finds those of a page by number."""
    if connection.dialect.name == "sqlite" or not wanted.by_date:
        return False
    return is_large(connection)


def at_first_glance(
    connection: Connection, condition: ColumnElement[bool], narrowed: Narrowed, wanted: Page
) -> list[Row]:
    """Whom a text's condition is true for, before anything else is tried: what is in many names.

    A few hundred are looked at; a few thousand where some of these hold it.
    """
    seen = _near(connection, condition, narrowed, wanted, among=FIRST_GLANCE, most=FIRST_GLANCE)
    if OFTEN <= len(seen) <= wanted.limit:
        return _near(connection, condition, narrowed, wanted, among=SOON, most=wanted.limit + 1)
    return seen


def at_a_glance(
    connection: Connection,
    condition: ColumnElement[bool],
    narrowed: Narrowed,
    wanted: Page,
    seen: list[Row],
) -> list[Row]:
    """Those among the next few thousand whom a text's condition is true for, in their order.

    They are all that has to be read where they are more than the page holds. ``seen`` are those of
    the first glance, which has been at as many where it saw some.
    """
    if len(seen) < OFTEN:
        seen = _near(connection, condition, narrowed, wanted, among=GLANCE, most=GLANCE)
    if PROMISING <= len(seen) <= wanted.limit:
        return _near(connection, condition, narrowed, wanted, among=WHILE, most=wanted.limit + 1)
    return seen


def _near(
    connection: Connection,
    condition: ColumnElement[bool],
    narrowed: Narrowed,
    wanted: Page,
    *,
    among: int,
    most: int,
) -> list[Row]:
    sort, key = _order(narrowed, wanted.order)
    first = _narrowed_in_order(narrowed, wanted.order).where(sort.is_not(None))
    if wanted.after is not None and wanted.after[0] is not None:
        first = first.where(beyond((sort, key), wanted.after, descending=wanted.descending))
    elif wanted.after is not None:
        return []
    directions = (sort.desc(), key.desc()) if wanted.descending else (sort, key)
    looked_at = key is _O.org_id
    if looked_at:  # what is asked of them comes along, so that none is looked up twice
        first = first.add_columns(_O.name, _O.email)
    near = first.order_by(*directions).limit(among).subquery("near")
    again = nulls_last(near.c.sort, near.c.org_id, descending=wanted.descending)[1:]
    held = select(near.c.org_id, near.c.sort)
    if looked_at:
        held = held.where(ClauseAdapter(near).traverse(condition))
    else:
        held = held.join(ORGANIZATIONS, _O.org_id == near.c.org_id).where(condition)
    return fetch(connection, held.order_by(*again).limit(most))


def _order(narrowed: Narrowed, order: Order) -> tuple[ColumnElement[Any], ColumnElement[str]]:
    """What is sorted by, and the id beside it in the same index."""
    if order is Order.NAME:
        return func.lower(_O.name), _O.org_id
    if order is Order.ENDS:
        return _E.ends_at, _E.org_id
    if narrowed.by_entitlement:
        return _E.org_created_at, _E.org_id
    return _O.created_at, _O.org_id


def _narrowed_in_order(narrowed: Narrowed, order: Order) -> Select[Any]:
    """Everybody who is let through, from the table whose index has the order."""
    sort, key = _order(narrowed, order)
    if key is _O.org_id:
        return narrowed.joined(select(key, sort.label("sort")).select_from(ORGANIZATIONS))
    ends = order is Order.ENDS
    conditions = narrowed.hidden if ends else (*narrowed.driving, *narrowed.others)
    statement = select(key, sort.label("sort")).select_from(ENTITLEMENTS).where(*conditions)
    if narrowed.of_organization:
        statement = statement.join(ORGANIZATIONS, _O.org_id == key)
    return statement.where(*narrowed.of_organization)


def walked(
    connection: Connection,
    narrowed: Narrowed,
    wanted: Page,
    condition: ColumnElement[bool] | None = None,
) -> list[Row]:
    """The page met by walking an index in the order of the list."""
    sort, key = _order(narrowed, wanted.order)
    statement = _narrowed_in_order(narrowed, wanted.order)
    of_organization = [*narrowed.of_organization]
    if condition is not None:
        of_organization.append(condition)
        if key is not _O.org_id and not narrowed.of_organization:
            statement = statement.join(ORGANIZATIONS, _O.org_id == key)
        statement = statement.where(condition)
    rest = (statement.where(sort.is_(None)), (sort, key))
    return page(
        connection,
        statement,
        sort,
        key,
        after=wanted.after,
        limit=wanted.limit + 1,
        descending=wanted.descending,
        rest=rest if wanted.order is not Order.ENDS else _endless(narrowed, of_organization),
    )


def _endless(
    narrowed: Narrowed, of_organization: Sequence[ColumnElement[bool]]
) -> tuple[Select[Any], Sequence[ColumnElement[Any]]] | None:
    """Who is not set to leave; None where it is asked for those who are."""
    if WINDING_DOWN in narrowed.driving:
        return None
    statement = select(_O.org_id, _E.ends_at.label("sort")).join(
        ENTITLEMENTS, _E.org_id == _O.org_id, isouter=True
    )
    conditions = (_E.ends_at.is_(None), *of_organization, *narrowed.hidden)
    return statement.where(*conditions), (_O.org_id,)
