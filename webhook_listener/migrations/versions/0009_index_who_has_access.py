"""Index who has access: the overview counted them by reading everybody until it had enough."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is counted is in the index."""
    op.create_index(
        "ix_plan_entitlements_has_access", "plan_entitlements", ["has_access", "org_id"]
    )


def downgrade() -> None:
    """Counting works as before, more slowly."""
    op.drop_index("ix_plan_entitlements_has_access", table_name="plan_entitlements")
