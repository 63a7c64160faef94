"""What the portal's screens are used for: the evidence for, or against, a screen of one's own."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from billing_core import link_counts
from billing_core.link_results import WINDOW
from billing_core.links import DESTINATIONS
from billing_core.queries.tables import LINK_ROLLUPS, LINK_VISITS, LINKS
from billing_core.rows.links import DestinationInsight, RefusalCount

_TOP_REFUSALS = 5
# SQLite uses a partial index only where its very words stand in the query.
_NO_RESULT = text("portal_links.result IS NULL AND portal_links.last_redeemed_at IS NOT NULL")


def portal_insights(
    connection: Connection, since: datetime, *, now: datetime
) -> tuple[DestinationInsight, ...]:
    """For each destination, in their fixed order: how often it was used, and what came of it.

    A link counts by when it was created, from the whole day (UTC) of ``since`` on.
    """
    first = link_counts.day_of(since)
    counted = _counted(connection, first)
    undecided = _undecided(connection, first, now)
    return tuple(_insight(name, counted[name], *undecided[name]) for name in DESTINATIONS)


def _insight(
    destination: str, counted: Mapping[str, int], undecided: int, back_undecided: int
) -> DestinationInsight:
    def of(measure: str) -> int:
        return counted.get(measure, 0)

    completed = link_counts.completions(counted)
    refusals = sorted(link_counts.refusals(counted).items(), key=lambda each: (-each[1], each[0]))
    return DestinationInsight(
        destination=destination,
        opened_now=of(link_counts.OPENED_NOW),
        created=of(link_counts.CREATED),
        redeemed=of(link_counts.REDEEMED),
        completed=completed,
        unchanged=of(link_counts.REDEEMED) - completed - undecided,
        undecided=undecided,
        median_seconds=link_counts.median_seconds(counted),
        refusals=tuple(RefusalCount(*each) for each in refusals[:_TOP_REFUSALS]),
        opened=of(link_counts.OPENED),
        returned_unchanged=of(link_counts.RETURNED_UNCHANGED) - back_undecided,
    )


def _counted(connection: Connection, first: datetime) -> dict[str, dict[str, int]]:
    r = LINK_ROLLUPS.c
    statement = (
        select(r.destination, r.measure, func.sum(r.times))
        .where(r.day >= first)
        .group_by(r.destination, r.measure)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for destination, measure, times in connection.execute(statement):
        found[destination][measure] = int(times)
    return found


def _undecided(
    connection: Connection, first: datetime, now: datetime
) -> dict[str, tuple[int, int]]:
    """Links that nothing came of and whose day is not over; and those of them who came back."""
    c, v = LINKS.c, LINK_VISITS.c
    # Not the bare column: SQLite would walk along all links in its order to save the grouping.
    destination = func.coalesce(c.destination, "")
    statement = (
        select(destination, func.count(), func.count(v.link_id))
        .join(LINK_VISITS, (v.link_id == c.link_id) & (v.returned > 0), isouter=True)
        .where(_NO_RESULT, c.last_redeemed_at > now - WINDOW, c.created_at >= first)
        .group_by(destination)
    )
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, links, back in connection.execute(statement):
        found[name] = (links, back)
    return found
