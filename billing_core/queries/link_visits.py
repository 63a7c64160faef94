"""How often links' pages were looked at, which proves nothing and still tells something."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from billing_core.queries.tables import LINK_VISITS, fetch
from billing_core.rows.links import LinkVisits


def link_visits(connection: Connection, link_ids: Sequence[str]) -> dict[str, LinkVisits]:
    """By link id, the looks that were counted; no entry where there was none."""
    c = LINK_VISITS.c
    rows = fetch(connection, select(LINK_VISITS).where(c.link_id.in_(list(link_ids))))
    return {
        row["link_id"]: LinkVisits(
            opened=row["opened"],
            first_opened_at=row["first_opened_at"],
            last_opened_at=row["last_opened_at"],
            returned=row["returned"],
            last_returned_at=row["last_returned_at"],
        )
        for row in rows
    }
