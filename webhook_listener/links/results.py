"""What came of redeemed links, written down as the events arrive.

``billing_core.link_results`` decides it; here it is kept. A result stands for what followed within
a day of the last redemption: once that day is over only an event that reached us within it, and is
applied late, changes it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from billing_core.link_results import WINDOW, News
from billing_core.links import Link
from billing_core.queries.link_results import what_came_of
from billing_core.queries.links import link_of_row, news_of_row
from billing_core.queries.tables import LINKS
from webhook_listener.database import lock_links
from webhook_listener.links import tally
from webhook_listener.row_sql import row_sql

_PREFIX = "result"
_AT_ONCE = 400
NOTHING: Mapping[str, None] = {
    "result": None,
    **{f"{_PREFIX}_{field.name}": None for field in fields(News) if field.name != "result"},
}
_WRITE = (
    update(LINKS)
    .where(LINKS.c.link_id == bindparam("of_link"))
    .values({name: bindparam(name) for name in NOTHING})
)


def keep(connection: Connection, org_ids: Collection[str], *, since: datetime) -> None:
    """Write down what came of these organizations' links that were redeemed at or after ``since``.

    Called in the transaction that projected their events, once those have their outcomes.
    """
    if not org_ids:
        return
    lock_links(connection)  # so that none is being redeemed meanwhile and seen by neither side
    rows = row_sql(LINKS, connection.dialect.name).select_by(connection, "org_id", sorted(org_ids))
    redeemed = [
        row
        for row in rows
        if row["last_redeemed_at"] is not None and row["last_redeemed_at"] >= since
    ]
    if redeemed:
        _keep(connection, redeemed)


def read_again(connection: Connection, link_id: str) -> None:
    """The same for one link that was redeemed just now; within ``tally.recounted``."""
    rows = connection.execute(select(LINKS).where(LINKS.c.link_id == link_id)).mappings()
    _write(connection, _differing(connection, [dict(row) for row in rows]))


def rebuild(connection: Connection, *, now: datetime) -> None:
    """Find what came of every link that has no result, or may still get another; count all anew.

    A result whose day is over stays: the events that told it may have been pruned.
    """
    lock_links(connection)
    c = LINKS.c
    unsettled = or_(c.result.is_(None), c.last_redeemed_at > now - WINDOW)
    columns = [c[name] for name in (*Link.__dataclass_fields__, *NOTHING)]
    last = ""
    while True:
        page = select(*columns).where(c.last_redeemed_at.is_not(None), unsettled, c.link_id > last)
        found = connection.execute(page.order_by(c.link_id).limit(_AT_ONCE)).mappings()
        rows = [dict(row) for row in found]
        if not rows:
            break
        _write(connection, _differing(connection, rows))
        last = rows[-1]["link_id"]
    tally.rebuild(connection)


def _keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    differing = _differing(connection, rows)
    if differing:
        with tally.recounted(connection, differing):
            _write(connection, differing)


def _differing(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, News]:
    """By link id, the results that are not what is written down."""
    came = what_came_of(connection, [link_of_row(row) for row in rows])
    known = {row["link_id"]: news_of_row(row) for row in rows}
    return {link_id: news for link_id, news in came.items() if news != known[link_id]}


def _write(connection: Connection, results: Mapping[str, News]) -> None:
    values = [{"of_link": link_id, **_columns(news)} for link_id, news in sorted(results.items())]
    if values:
        connection.execute(_WRITE, values)


def _columns(news: News) -> dict[str, Any]:
    named = {field.name: getattr(news, field.name) for field in fields(News)}
    result = named.pop("result").value
    return {"result": result, **{f"{_PREFIX}_{name}": value for name, value in named.items()}}
