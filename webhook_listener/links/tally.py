"""Support links counted by the day they were made on, kept true with every change of a link.

Whoever changes a link, or how often it was looked at, does so within ``recounted``.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, or_, select

from billing_core.link_counts import day_of, measure_of_entry, measures_of_link
from billing_core.queries.tables import AUDIT, LINK_ROLLUPS, LINK_VISITS, LINKS
from webhook_listener.database import lock_links
from webhook_listener.upsert import insert

_Key = tuple[datetime, str, str]
_AT_ONCE = 5_000


@contextmanager
def recounted(connection: Connection, link_ids: Collection[str]) -> Iterator[None]:
    """Count these links anew once the block, which changes them, is done; one writer at a time."""
    lock_links(connection)
    before = _counted(connection, link_ids)
    yield
    after = _counted(connection, link_ids)
    after.subtract(before)
    _add(connection, after)


def count_entry(
    connection: Connection,
    at: datetime,
    *,
    action: str,
    outcome: str,
    destination: str | None,
    detail: str | None,
) -> None:
    """Count a new line of the audit log, if it is one that insights tell of."""
    measure = measure_of_entry(
        action=action, outcome=outcome, destination=destination, detail=detail
    )
    if measure is not None and destination is not None:
        _add(connection, Counter({(day_of(at), destination, measure): 1}))


def rebuild(connection: Connection) -> None:
    """Count everything from the rows, as if nothing had been counted before."""
    lock_links(connection)
    total: Counter[_Key] = Counter()
    last = ""
    while True:
        page = _facts().where(LINKS.c.link_id > last).order_by(LINKS.c.link_id).limit(_AT_ONCE)
        rows = connection.execute(page).all()
        if not rows:
            break
        total.update(key for row in rows for key in _keys(row))
        last = rows[-1].link_id
    a = AUDIT.c
    told = select(a.at, a.action, a.outcome, a.destination, a.detail).where(
        or_(a.outcome == "refused", a.action.in_(("portal_link.mint", "checkout_link.mint")))
    )
    for at, action, outcome, destination, detail in connection.execute(told):
        measure = measure_of_entry(
            action=action, outcome=outcome, destination=destination, detail=detail
        )
        if measure is not None:
            total[day_of(at), destination, measure] += 1
    connection.execute(delete(LINK_ROLLUPS))
    _add(connection, total)


def _counted(connection: Connection, link_ids: Collection[str]) -> Counter[_Key]:
    rows = connection.execute(_facts().where(LINKS.c.link_id.in_(list(link_ids))))
    return Counter(key for row in rows for key in _keys(row))


def _facts() -> Select[Any]:
    c, v = LINKS.c, LINK_VISITS.c
    return select(
        c.link_id,
        c.destination,
        c.created_at,
        c.last_redeemed_at,
        c.result_at,
        v.opened,
        v.returned,
    ).join(LINK_VISITS, v.link_id == c.link_id, isouter=True)


def _keys(row: Any) -> Iterator[_Key]:  # noqa: ANN401 - SQLAlchemy's row
    day = day_of(row.created_at)
    for measure in measures_of_link(
        opened=row.opened or 0,
        returned=row.returned or 0,
        redeemed_at=row.last_redeemed_at,
        result_at=row.result_at,
    ):
        yield day, row.destination, measure


def _add(connection: Connection, counts: Counter[_Key]) -> None:
    # Always in the same order, so that no two writers deadlock.
    rows = [
        {"day": day, "destination": destination, "measure": measure, "times": times}
        for (day, destination, measure), times in sorted(counts.items())
        if times
    ]
    if not rows:
        return
    statement = insert(connection, LINK_ROLLUPS)
    statement = statement.on_conflict_do_update(
        index_elements=["day", "destination", "measure"],
        set_={"times": LINK_ROLLUPS.c.times + statement.excluded.times},
    )
    connection.execute(statement, rows)
