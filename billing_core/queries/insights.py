"""What the portal's screens are used for: the evidence for, or against, a screen of one's own."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from statistics import median

from sqlalchemy import Connection, func, select

from billing_core.link_results import WINDOW, News
from billing_core.links import DESTINATIONS, Link
from billing_core.queries.link_results import what_came_of
from billing_core.queries.links import link_of_row
from billing_core.queries.tables import AUDIT, LINK_VISITS, LINKS, fetch
from billing_core.rows.links import DestinationInsight, RefusalCount

_OPENED_NOW = ("portal_link.mint", "checkout_link.mint")
_TOP_REFUSALS = 5
_AT_ONCE = 400


def portal_insights(
    connection: Connection, since: datetime, *, now: datetime
) -> tuple[DestinationInsight, ...]:
    """For each destination, in their fixed order: how often it was used, and what came of it.

    A link counts by when it was created. What came of it is read off the events that followed its
    last redemption; it is stored nowhere.
    """
    created = _created(connection, since)
    opened = _opened(connection, since)
    redeemed = _redeemed(connection, since)
    all_redeemed = [link for links in redeemed.values() for link in links]
    returned = _returned(connection, all_redeemed)
    came = what_came_of(connection, all_redeemed)
    opened_now = _opened_now(connection, since)
    refusals = _refusals(connection, since)
    return tuple(
        _insight(
            name,
            redeemed[name],
            came,
            now,
            opened_now=opened_now[name],
            created=created[name],
            opened=opened[name],
            returned=returned,
            refusals=tuple(
                RefusalCount(*each) for each in refusals[name].most_common(_TOP_REFUSALS)
            ),
        )
        for name in DESTINATIONS
    )


def _insight(
    destination: str,
    redeemed: Sequence[Link],
    came: Mapping[str, News],
    now: datetime,
    *,
    opened_now: int,
    created: int,
    opened: int,
    returned: Set[str],
    refusals: tuple[RefusalCount, ...],
) -> DestinationInsight:
    seconds: list[float] = []
    undecided = unchanged = returned_unchanged = 0
    for link in redeemed:
        at = link.last_redeemed_at
        if at is None:
            continue
        if link.link_id in came:
            seconds.append((came[link.link_id].at - at).total_seconds())
        elif now < at + WINDOW:
            undecided += 1
        else:
            unchanged += 1
            returned_unchanged += link.link_id in returned
    return DestinationInsight(
        destination=destination,
        opened_now=opened_now,
        created=created,
        redeemed=len(redeemed),
        completed=len(seconds),
        unchanged=unchanged,
        undecided=undecided,
        median_seconds=median(seconds) if seconds else None,
        refusals=refusals,
        opened=opened,
        returned_unchanged=returned_unchanged,
    )


def _created(connection: Connection, since: datetime) -> Counter[str]:
    c = LINKS.c
    statement = select(c.destination, func.count().label("links")).where(c.created_at >= since)
    rows = fetch(connection, statement.group_by(c.destination))
    return Counter({row["destination"]: row["links"] for row in rows})


def _opened(connection: Connection, since: datetime) -> Counter[str]:
    c, v = LINKS.c, LINK_VISITS.c
    statement = (
        select(c.destination, func.count().label("links"))
        .join(LINK_VISITS, v.link_id == c.link_id)
        .where(c.created_at >= since, v.opened > 0)
    )
    rows = fetch(connection, statement.group_by(c.destination))
    return Counter({row["destination"]: row["links"] for row in rows})


def _returned(connection: Connection, links: Sequence[Link]) -> frozenset[str]:
    """Those of the links whose customer came back; looked up by id, some at a time."""
    v = LINK_VISITS.c
    found: set[str] = set()
    for start in range(0, len(links), _AT_ONCE):
        ids = [link.link_id for link in links[start : start + _AT_ONCE]]
        statement = select(v.link_id).where(v.link_id.in_(ids), v.returned > 0)
        found.update(connection.execute(statement).scalars())
    return frozenset(found)


def _redeemed(connection: Connection, since: datetime) -> dict[str, list[Link]]:
    c = LINKS.c
    statement = select(LINKS).where(c.created_at >= since, c.last_redeemed_at.is_not(None))
    found: dict[str, list[Link]] = defaultdict(list)
    for row in fetch(connection, statement):
        found[row["destination"]].append(link_of_row(row))
    return found


def _opened_now(connection: Connection, since: datetime) -> Counter[str]:
    c = AUDIT.c
    statement = (
        select(c.destination, func.count().label("sessions"))
        .where(c.at >= since, c.action.in_(_OPENED_NOW), c.outcome == "minted")
        .group_by(c.destination)
    )
    return Counter({row["destination"]: row["sessions"] for row in fetch(connection, statement)})


def _refusals(connection: Connection, since: datetime) -> dict[str, Counter[str]]:
    c = AUDIT.c
    statement = (
        select(c.destination, c.detail, func.count().label("times"))
        .where(c.at >= since, c.outcome == "refused", c.detail.is_not(None))
        .group_by(c.destination, c.detail)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in fetch(connection, statement):
        found[row["destination"]][row["detail"]] = row["times"]
    return found
