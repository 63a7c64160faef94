"""Support links, read: one by its token, a page of them for the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.sql import Select

from billing_core.link_results import News, Result
from billing_core.links import Link, LinkState
from billing_core.queries.keyset import beyond, decode_cursor, encode_cursor
from billing_core.queries.tables import LINKS, ORGANIZATIONS, Row, fetch
from billing_core.rows.links import LinkPage, LinkRow


@dataclass(frozen=True, slots=True)
class LinkFilters:
    """What the links are narrowed to; everything by default."""

    org_id: str | None = None
    created_by: str | None = None
    destination: str | None = None
    state: LinkState | None = None


def links(
    connection: Connection,
    filters: LinkFilters | None = None,
    *,
    now: datetime,
    after: str | None = None,
    limit: int = 50,
) -> LinkPage:
    """The newest links first, each with its state at ``now``.

    ``after`` is the ``next_cursor`` of the page before.
    """
    c = LINKS.c
    statement = _with_names().where(*_conditions(filters or LinkFilters(), now))
    position = decode_cursor(after, 2)
    if position is not None:
        statement = statement.where(beyond((c.created_at, c.link_id), position, descending=True))
    statement = statement.order_by(c.created_at.desc(), c.link_id.desc()).limit(limit + 1)
    rows = fetch(connection, statement)
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = encode_cursor((last["created_at"], last["link_id"])) if last is not None else None
    return LinkPage(tuple(_link_row(row, now) for row in rows[:limit]), cursor)


def link(connection: Connection, link_id: str, *, now: datetime) -> LinkRow | None:
    """One link with its state at ``now``, or None where there is no such link."""
    rows = fetch(connection, _with_names().where(LINKS.c.link_id == link_id))
    return _link_row(rows[0], now) if rows else None


def link_by_token_hash(connection: Connection, token_hash: str) -> Link | None:
    """The link that a token's hash belongs to."""
    rows = fetch(connection, select(LINKS).where(LINKS.c.token_hash == token_hash))
    return link_of_row(rows[0]) if rows else None


def link_come_back_from(
    connection: Connection, return_token_hash: str
) -> tuple[Link, News | None] | None:
    """The link that a return page's token's hash belongs to, and what came of it so far."""
    statement = select(LINKS).where(LINKS.c.return_token_hash == return_token_hash)
    rows = fetch(connection, statement)
    return (link_of_row(rows[0]), news_of_row(rows[0])) if rows else None


def link_of_row(row: Mapping[str, Any]) -> Link:
    """A row of ``portal_links`` without its hashes."""
    return Link(**{name: row[name] for name in Link.__dataclass_fields__})


def news_of_row(row: Mapping[str, Any]) -> News | None:
    """What a row of ``portal_links`` says came of it; None as far as nothing has."""
    if row["result"] is None:
        return None
    return News(
        result=Result(row["result"]),
        at=row["result_at"],
        ends_at=row["result_ends_at"],
        plan=row["result_plan"],
        quantity=row["result_quantity"],
    )


def _with_names() -> Select[Any]:
    o = ORGANIZATIONS.c
    return select(LINKS, o.name.label("org_name")).join(
        ORGANIZATIONS, o.org_id == LINKS.c.org_id, isouter=True
    )


def _link_row(row: Row, now: datetime) -> LinkRow:
    kept = link_of_row(row)
    return LinkRow(
        link=kept, org_name=row["org_name"], state=kept.state(now), news=news_of_row(row)
    )


def _conditions(filters: LinkFilters, now: datetime) -> list[ColumnElement[bool]]:
    c = LINKS.c
    revoked, used_up, expired = (
        c.revoked_at.is_not(None),
        c.uses >= c.uses_allowed,
        c.expires_at <= now,
    )
    states: dict[LinkState, ColumnElement[bool]] = {
        LinkState.REVOKED: revoked,
        LinkState.USED_UP: ~revoked & used_up,
        LinkState.EXPIRED: ~revoked & ~used_up & expired,
        LinkState.ACTIVE: ~revoked & ~used_up & ~expired,
    }
    chosen = (
        (filters.org_id, c.org_id == filters.org_id),
        (filters.created_by, c.created_by == filters.created_by),
        (filters.destination, c.destination == filters.destination),
    )
    conditions = [condition for asked, condition in chosen if asked is not None]
    return conditions if filters.state is None else [*conditions, states[filters.state]]
