"""The support links of one organization: whether each still works, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy import Connection

from billing_core.links import LinkState
from billing_core.queries.links import LinkFilters, links
from billing_core.rows.links import LinkRow
from console import elements
from console.elements import Text
from console.link_words import came_of, state_badge
from console.viewer import Viewer

_NEWEST = 10


@dataclass(frozen=True, slots=True)
class OrganizationLinks:
    """Some links, newest first, and whether there are older ones."""

    rows: Sequence[LinkRow]
    more: bool

    def row(self, link_id: str) -> LinkRow | None:
        """The link of that id, if it is among them."""
        return next((row for row in self.rows if row.link.link_id == link_id), None)


def organization_links(connection: Connection, org_id: str, now: datetime) -> OrganizationLinks:
    """The newest links of an organization."""
    page = links(connection, LinkFilters(org_id=org_id), now=now, limit=_NEWEST)
    return OrganizationLinks(page.rows, more=page.next_cursor is not None)


def show_links(found: OrganizationLinks, who: Viewer, now: datetime) -> None:
    """A line each, which leads to the link's own page; nothing where none was ever made."""
    if not found.rows:
        return
    elements.section("Support links")
    lines = [_line(row, who, now) for row in found.rows]
    elements.show(Markup('<ul class="bc-links">{}</ul>').format(elements.NOTHING.join(lines)))
    if found.more:
        org_id = found.rows[0].link.org_id
        elements.show(elements.link("All links of this organization", "/links", org=org_id))


def _line(row: LinkRow, who: Viewer, now: datetime) -> Markup:
    link = row.link
    made = Markup("{} · {} · {}").format(
        elements.untrusted(link.created_by),
        elements.time(link.created_at, who),
        elements.untrusted(link.reason),
    )
    return Markup("<li>{}</li>").format(
        elements.lines(
            Markup("<b>{}</b> {}").format(
                elements.link(link.destination, "/links", link=link.link_id),
                state_badge(row.state),
            ),
            elements.quiet(made),
            _outcome(row, who, now),
        )
    )


def _outcome(row: LinkRow, who: Viewer, now: datetime) -> Text | None:
    link, news = row.link, row.news
    if news is not None or link.last_redeemed_at is not None or link.refusal_code is not None:
        return came_of(link, news, who, now)
    if row.state is LinkState.ACTIVE:
        until = elements.time(link.expires_at, who)
        return elements.quiet(Markup("Not used yet; works until {}").format(until))
    return None
