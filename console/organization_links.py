"""The support links of one organization: whether each still works, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy import Connection

from billing_core.link_results import News
from billing_core.links import LinkState
from billing_core.queries.link_results import what_came_of
from billing_core.queries.links import LinkFilters, links
from billing_core.rows.links import LinkRow
from billing_core.sentences import Words
from billing_core.sentences.results import came_of
from console import data, elements
from console.viewer import Viewer

_NEWEST = 10
_STATES = {
    LinkState.ACTIVE: ("Works", "good"),
    LinkState.USED_UP: ("Used", "plain"),
    LinkState.EXPIRED: ("Expired", "plain"),
    LinkState.REVOKED: ("Revoked", "warn"),
}


@dataclass(frozen=True, slots=True)
class OrganizationLinks:
    """Some links, newest first, what came of each, and whether there are older ones."""

    rows: Sequence[LinkRow]
    came: Mapping[str, News]
    more: bool


def organization_links(connection: Connection, org_id: str, now: datetime) -> OrganizationLinks:
    """The newest links of an organization."""
    page = links(connection, LinkFilters(org_id=org_id), now=now, limit=_NEWEST)
    came = what_came_of(connection, [row.link for row in page.rows])
    return OrganizationLinks(page.rows, came, more=page.next_cursor is not None)


def show_links(found: OrganizationLinks, who: Viewer) -> None:
    """A line each; nothing where none was ever made."""
    if not found.rows:
        return
    elements.section("Support links")
    words = Words(data.config(), day=who.day, locale=who.locale)
    elements.show(
        Markup('<ul class="bc-links">{}</ul>').format(
            elements.NOTHING.join(
                _line(row, found.came.get(row.link.link_id), words, who) for row in found.rows
            )
        )
    )
    if found.more:
        elements.show(elements.quiet(f"The newest {_NEWEST}; the timeline tells of older ones."))


def _line(row: LinkRow, news: News | None, words: Words, who: Viewer) -> Markup:
    link = row.link
    word, tone = _STATES[row.state]
    made = Markup("{} · {} · {}").format(
        elements.untrusted(link.created_by),
        elements.time(link.created_at, who),
        elements.untrusted(link.reason),
    )
    return Markup("<li>{}</li>").format(
        elements.lines(
            Markup("<b>{}</b> {}").format(link.destination, elements.badge(word, tone)),
            elements.quiet(made),
            _outcome(row, news, words, who),
        )
    )


def _outcome(row: LinkRow, news: News | None, words: Words, who: Viewer) -> Markup | None:
    link = row.link
    if news is not None:
        return Markup("{}: {}").format(elements.time(news.at, who), came_of(news, words))
    if link.last_redeemed_at is not None:
        used = elements.time(link.last_redeemed_at, who)
        return Markup("Used {}; nothing has changed since by it.").format(used)
    if row.state is LinkState.ACTIVE:
        return Markup("Not used yet; works until {}.").format(elements.time(link.expires_at, who))
    return None
