"""Keep what came of each redeemed link, and count links by day, filled from what is stored.

The events of every organization that redeemed a link are read once more: seconds for a hundred
thousand links.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from billing_core.tables import UTCDateTime
from webhook_listener.links import results

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("result", sa.String()),
    ("result_at", UTCDateTime()),
    ("result_ends_at", UTCDateTime()),
    ("result_plan", sa.String()),
    ("result_quantity", sa.Integer()),
)
_INDEX = "ix_portal_links_without_result"


def upgrade() -> None:
    """The listener keeps both from now on; what is older is found here."""
    for name, kind in _COLUMNS:
        op.add_column("portal_links", sa.Column(name, kind, nullable=True))
    where = sa.text("result IS NULL AND last_redeemed_at IS NOT NULL")
    op.create_index(
        _INDEX,
        "portal_links",
        ["last_redeemed_at", "created_at", "destination", "link_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "link_rollups",
        sa.Column("day", UTCDateTime(), primary_key=True),
        sa.Column("destination", sa.String(), primary_key=True),
        sa.Column("measure", sa.String(), primary_key=True),
        sa.Column("times", sa.Integer(), nullable=False),
    )
    results.rebuild(op.get_bind(), now=datetime.now(UTC))


def downgrade() -> None:
    """Both can be made again as long as the events are kept."""
    op.drop_table("link_rollups")
    op.drop_index(_INDEX, table_name="portal_links")
    for name, _ in _COLUMNS:
        op.drop_column("portal_links", name)
