"""Keep the name that a link is sent in, and drop what is computed when it is read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COMPUTED = ("opened_at", "returned_at", "completed_at")


def upgrade() -> None:
    """Nobody could tell an opened link from a mail scanner's look at it."""
    op.add_column("portal_links", sa.Column("sender_name", sa.String(), nullable=True))
    for name in _COMPUTED:
        op.drop_column("portal_links", name)


def downgrade() -> None:
    """The columns come back empty, as they were."""
    for name in _COMPUTED:
        op.add_column("portal_links", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.drop_column("portal_links", "sender_name")
