"""Count looks at links, keep a quantity and the offer to stay, index what lists are narrowed to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_portal_links_created_by", "portal_links", ["created_by", "created_at"]),
    ("ix_portal_links_destination", "portal_links", ["destination", "created_at"]),
    ("ix_audit_log_actor", "audit_log", ["actor", "audit_id"]),
    ("ix_audit_log_action", "audit_log", ["action", "audit_id"]),
    ("ix_audit_log_outcome", "audit_log", ["outcome", "audit_id"]),
    ("ix_audit_log_link_id", "audit_log", ["link_id", "audit_id"]),
)


def upgrade() -> None:
    """Looks have a table of their own, so that looking never changes a link."""
    op.create_table(
        "link_visits",
        sa.Column("link_id", sa.String(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("first_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("last_returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("link_id"),
    )
    op.add_column("portal_links", sa.Column("target_quantity", sa.Integer(), nullable=True))
    op.add_column(
        "portal_links",
        sa.Column("offers_coupon", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    revoked = sa.text("revoked_at IS NOT NULL")
    op.create_index(
        "ix_portal_links_revoked",
        "portal_links",
        ["created_at"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )


def downgrade() -> None:
    """What was counted goes; links keep working."""
    op.drop_index("ix_portal_links_revoked", table_name="portal_links")
    for name, table, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_column("portal_links", "offers_coupon")
    op.drop_column("portal_links", "target_quantity")
    op.drop_table("link_visits")
