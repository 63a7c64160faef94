"""Have the index of unmapped prices list organizations in their order.

All who pay such a price were collected and sorted for a page of them, each looked up by its
subscription among all entitlements.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TABLE, _NAME = "plan_entitlements", "ix_plan_entitlements_unmapped"
_UNMAPPED = sa.text("plan IS NULL AND price_id IS NOT NULL")


def upgrade() -> None:
    """The index holds few rows, so this takes a moment."""
    _index("price_id", "org_created_at", "org_id", "subscription_id", "status")


def downgrade() -> None:
    """As it was."""
    _index("price_id", "status", "org_id")


def _index(*columns: str) -> None:
    op.drop_index(_NAME, table_name=_TABLE)
    op.create_index(_NAME, _TABLE, columns, sqlite_where=_UNMAPPED, postgresql_where=_UNMAPPED)
