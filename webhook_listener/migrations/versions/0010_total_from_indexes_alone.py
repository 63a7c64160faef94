"""Index all that totals of those who leave are made of, so that no table is read for them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_RECURRING = ["plan", "currency", "interval", "unit_amount", "quantity"]
_WHY = ["cancellation_feedback", "cancellation_reason", "interval_count"]
_INDEXES = (
    (
        "ix_plan_entitlements_leaving",
        "plan_entitlements",
        ["ends_at", "org_id", *_RECURRING, "subscription_id", "price_id"],
        "ends_at IS NOT NULL",
    ),
    (
        "ix_subscriptions_set_to_end",
        "subscriptions",
        ["subscription_id", *_WHY],
        "cancel_at IS NOT NULL OR cancel_at_period_end",
    ),
    (
        "ix_subscriptions_ended_at",
        "subscriptions",
        ["ended_at", "subscription_id", *_WHY],
        "ended_at IS NOT NULL",
    ),
)


def upgrade() -> None:
    """Each holds only the few who leave or have left."""
    op.drop_index("ix_subscriptions_ended_at", table_name="subscriptions")
    for name, table, columns, where in _INDEXES:
        op.create_index(
            name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    """Totals are read from the tables again."""
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table_name=table)
    op.create_index(
        "ix_subscriptions_ended_at",
        "subscriptions",
        ["ended_at"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
