"""Mark prices that were seen under two lookup keys in one second, so that Stripe is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMN = "lookup_key_disputed"


def upgrade() -> None:
    """None is disputed until the next such second; nothing is guessed about earlier ones."""
    column: sa.Column[bool] = sa.Column(
        _COLUMN, sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("prices", column)
    where = sa.text(_COLUMN)
    op.create_index(
        f"ix_prices_{_COLUMN}", "prices", [_COLUMN], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    """The key that is larger as text counts, unmarked."""
    op.drop_index(f"ix_prices_{_COLUMN}", table_name="prices")
    op.drop_column("prices", _COLUMN)
