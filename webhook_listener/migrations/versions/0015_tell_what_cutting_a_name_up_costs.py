"""Tell PostgreSQL what cutting a name up costs, so that it looks into the index of the pieces.

A piece that nearly every name holds made it cut one name up after another instead.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """SQLite has no such function."""
    _cost(10_000)


def downgrade() -> None:
    """As of any function."""
    _cost(100)


def _cost(cost: int) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER FUNCTION organization_fragments(text) COST {cost}")
