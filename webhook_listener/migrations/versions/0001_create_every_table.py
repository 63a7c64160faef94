"""Create every table, because there is nothing yet."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = [
    "audit_log",
    "customers",
    "drift",
    "entitlement_changes",
    "event_rollups",
    "listener_state",
    "organizations",
    "plan_entitlements",
    "portal_links",
    "prices",
    "products",
    "subscriptions",
    "webhook_events",
    "webhook_payloads",
]


def upgrade() -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=True),
        sa.Column("destination", sa.String(), nullable=True),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("link_id", sa.String(), nullable=True),
        sa.Column("follows", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("token_id", sa.String(), nullable=True),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id"),
        sa.UniqueConstraint("token_id"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"], unique=False)
    op.create_index("ix_audit_log_follows", "audit_log", ["follows"], unique=False)
    op.create_index("ix_audit_log_org_id", "audit_log", ["org_id", "audit_id"], unique=False)
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("claimed_org_id", sa.String(), nullable=True),
        sa.Column("checkout_reference", sa.String(), nullable=True),
        sa.Column("checkout_reference_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conflicting_org_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.Column("peers", sa.Integer(), nullable=False),
        sa.Column("event_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_index(
        "ix_customers_checkout_reference", "customers", ["checkout_reference"], unique=False
    )
    op.create_index("ix_customers_claimed_org_id", "customers", ["claimed_org_id"], unique=False)
    op.create_index("ix_customers_org_id", "customers", ["org_id"], unique=False)
    op.create_table(
        "drift",
        sa.Column("drift_id", sa.Integer(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=True),
        sa.Column("stripes", sa.Text(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("drift_id"),
    )
    op.create_index("ix_drift_found_at", "drift", ["found_at"], unique=False)
    op.create_table(
        "entitlement_changes",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("event_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index(
        "ix_entitlement_changes_changed_at", "entitlement_changes", ["changed_at"], unique=False
    )
    op.create_index(
        "ix_entitlement_changes_org_id",
        "entitlement_changes",
        ["org_id", "change_id"],
        unique=False,
    )
    op.create_table(
        "event_rollups",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("receive_lag_ms", sa.BigInteger(), nullable=False),
        sa.Column("apply_lag_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "type", "outcome"),
    )
    op.create_table(
        "listener_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "organizations",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("stripe_customer_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("org_id"),
        sa.UniqueConstraint("stripe_customer_id"),
    )
    op.create_index(
        "ix_organizations_created_at", "organizations", ["created_at", "org_id"], unique=False
    )
    op.create_table(
        "plan_entitlements",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("has_access", sa.Boolean(), nullable=False),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("price_id", sa.String(), nullable=True),
        sa.Column("price_lookup_key", sa.String(), nullable=True),
        sa.Column("unit_amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("interval", sa.String(), nullable=True),
        sa.Column("last_event_id", sa.String(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org_id"),
    )
    op.create_index(
        "ix_plan_entitlements_ends_at", "plan_entitlements", ["ends_at", "org_id"], unique=False
    )
    op.create_index(
        "ix_plan_entitlements_plan", "plan_entitlements", ["plan", "org_id"], unique=False
    )
    op.create_index(
        "ix_plan_entitlements_status", "plan_entitlements", ["status", "org_id"], unique=False
    )
    op.create_index(
        "ix_plan_entitlements_subscription_id",
        "plan_entitlements",
        ["subscription_id"],
        unique=False,
    )
    op.create_table(
        "portal_links",
        sa.Column("link_id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("return_token_hash", sa.String(), nullable=False),
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("target_lookup_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_by_role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses_allowed", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.Column("revision_at_redeem", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("link_id"),
        sa.UniqueConstraint("return_token_hash"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_portal_links_created_at", "portal_links", ["created_at"], unique=False)
    op.create_index(
        "ix_portal_links_org_id", "portal_links", ["org_id", "created_at"], unique=False
    )
    op.create_table(
        "prices",
        sa.Column("price_id", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("lookup_key_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("product_id", sa.String(), nullable=True),
        sa.Column("unit_amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("interval", sa.String(), nullable=True),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("nickname", sa.String(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.Column("peers", sa.Integer(), nullable=False),
        sa.Column("event_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("price_id"),
    )
    op.create_index("ix_prices_lookup_key", "prices", ["lookup_key"], unique=False)
    op.create_table(
        "products",
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.Column("peers", sa.Integer(), nullable=False),
        sa.Column("event_created", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("product_id"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("price_id", sa.String(), nullable=True),
        sa.Column("price_lookup_key", sa.String(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("unit_amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("interval", sa.String(), nullable=True),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=True),
        sa.Column("other_price_ids", sa.Text(), nullable=True),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False),
        sa.Column("cancel_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trial_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellation_reason", sa.String(), nullable=True),
        sa.Column("cancellation_feedback", sa.String(), nullable=True),
        sa.Column("cancellation_comment", sa.Text(), nullable=True),
        sa.Column("pause_behavior", sa.String(), nullable=True),
        sa.Column("pause_resumes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collection_method", sa.String(), nullable=True),
        sa.Column("billing_mode", sa.String(), nullable=True),
        sa.Column("schedule_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_status", sa.String(), nullable=True),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.Column("peers", sa.Integer(), nullable=False),
        sa.Column("event_created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id"),
    )
    op.create_index("ix_subscriptions_customer_id", "subscriptions", ["customer_id"], unique=False)
    op.create_index("ix_subscriptions_price_id", "subscriptions", ["price_id"], unique=False)
    op.create_index(
        "ix_subscriptions_several_items",
        "subscriptions",
        ["subscription_id"],
        unique=False,
        sqlite_where=sa.text("other_price_ids IS NOT NULL"),
        postgresql_where=sa.text("other_price_ids IS NOT NULL"),
    )
    op.create_index(
        "ix_subscriptions_suspect",
        "subscriptions",
        ["suspect"],
        unique=False,
        sqlite_where=sa.text("suspect"),
        postgresql_where=sa.text("suspect"),
    )
    op.create_table(
        "webhook_events",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("api_version", sa.String(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("org_id", sa.String(), nullable=True),
        sa.Column("object_id", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_webhook_events_created", "webhook_events", ["created"], unique=False)
    op.create_index(
        "ix_webhook_events_customer_id", "webhook_events", ["customer_id"], unique=False
    )
    op.create_index(
        "ix_webhook_events_object_id", "webhook_events", ["object_id", "created"], unique=False
    )
    op.create_index(
        "ix_webhook_events_open",
        "webhook_events",
        ["outcome", "next_attempt_at", "received_at"],
        unique=False,
        sqlite_where=sa.text("outcome IN ('pending', 'parked')"),
        postgresql_where=sa.text("outcome IN ('pending', 'parked')"),
    )
    op.create_index(
        "ix_webhook_events_org_id",
        "webhook_events",
        ["org_id", "created", "event_id"],
        unique=False,
    )
    op.create_index(
        "ix_webhook_events_received_at", "webhook_events", ["received_at"], unique=False
    )
    op.create_table(
        "webhook_payloads",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_organizations_name", "organizations", [sa.text("lower(name)")])
    op.create_index("ix_organizations_email", "organizations", [sa.text("lower(email)")])


def downgrade() -> None:
    """Drop them all."""
    for table in TABLES:
        op.drop_table(table)
