"""Index what the console looks for among many: who has left, who pays an unmapped price, claims."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = (
    (
        "ix_customers_conflicting",
        "customers",
        ["conflicting_org_id"],
        "conflicting_org_id IS NOT NULL",
    ),
    ("ix_subscriptions_ended_at", "subscriptions", ["ended_at"], "ended_at IS NOT NULL"),
    (
        "ix_plan_entitlements_unmapped",
        "plan_entitlements",
        ["price_id", "org_id"],
        "plan IS NULL AND price_id IS NOT NULL",
    ),
)


def upgrade() -> None:
    """Each holds the few rows that its page is about, so that writing the others costs nothing."""
    for name, table, columns, where in _INDEXES:
        op.create_index(
            name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    """The pages still answer, more slowly."""
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table_name=table)
