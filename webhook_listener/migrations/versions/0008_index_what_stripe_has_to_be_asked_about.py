"""Index what Stripe has to be asked about, which is looked for twice a second."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("customers", "prices", "products")


def upgrade() -> None:
    """Each holds the few rows in doubt, as that of the subscriptions does."""
    for table in _TABLES:
        where = sa.text("suspect")
        op.create_index(
            f"ix_{table}_suspect", table, ["suspect"], sqlite_where=where, postgresql_where=where
        )


def downgrade() -> None:
    """They are still found, by reading every row."""
    for table in _TABLES:
        op.drop_index(f"ix_{table}_suspect", table_name=table)
