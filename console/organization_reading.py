"""All that the page of one organization reads, in one snapshot of the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.rows import (
    Change,
    EntitlementMark,
    OrganizationView,
    PastView,
    PriceChoice,
    TimelinePage,
)
from billing_core.sentences import StoryKind
from console import data, past
from console.access_picture import MOST_CHANGES
from console.identity import Principal
from console.organization_links import OrganizationLinks, organization_links
from console.story import PAGE, Telling


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. ``recent`` is the newest of the story, whatever the story is narrowed to."""

    view: OrganizationView
    past: PastView | None
    now: datetime
    mark: EntitlementMark | None
    recent: TimelinePage
    told: TimelinePage
    changes: tuple[Change, ...]
    prices: tuple[PriceChoice, ...]
    links: OrganizationLinks | None


def read(principal: Principal, telling: Telling) -> Reading | None:
    """Everything at once; None where there is no such organization."""
    now, org_id = data.now(), telling.org_id
    with data.snapshot() as connection:
        view = queries.organization(connection, org_id)
        if view is None:
            return None
        mark = queries.entitlement_mark(connection, org_id)
        newest = mark.newest_event_at if mark is not None else None
        at = past.wanted(max(now, newest) if newest is not None else now)
        recent = _timeline(connection, telling, None, StoryKind.EVERYTHING, PAGE)
        told = recent
        if at is not None or (telling.kind, telling.length) != (StoryKind.EVERYTHING, PAGE):
            told = _timeline(connection, telling, at, telling.kind, telling.length)
        may_mint = principal.may(Permission.MINT_LINKS) and at is None
        may_read_links = principal.may(Permission.READ_LINKS) and at is None
        return Reading(
            view=view,
            past=queries.organization_as_of(connection, org_id, at) if at is not None else None,
            now=now,
            mark=mark,
            recent=recent,
            told=told,
            changes=queries.entitlement_history(connection, org_id, limit=MOST_CHANGES),
            prices=queries.prices(connection) if may_mint else (),
            links=organization_links(connection, org_id, now) if may_read_links else None,
        )


def _timeline(
    connection: Connection, telling: Telling, until: datetime | None, kind: StoryKind, limit: int
) -> TimelinePage:
    who = telling.who
    return queries.timeline(
        connection,
        telling.org_id,
        kind=kind,
        until=until,
        limit=limit,
        day=who.day,
        locale=who.locale,
    )
