"""The tables, as SQLModel classes. The listener alone writes them and owns their migrations.

Times are UTC; amounts are in the currency's minor unit. ``plan_entitlements`` is a public contract:
the customer's own product reads it.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Index, LargeBinary, Text, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite, which keeps no zone, gets it back on the way out."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's type
        """PostgreSQL keeps ``timestamptz``."""
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError for a naive datetime: its zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _time(*, nullable: bool = True) -> Any:  # noqa: ANN401 - SQLModel's Field
    return Field(sa_column=Column(UTCDateTime(), nullable=nullable), default=None)


def _long_text() -> Any:  # noqa: ANN401 - SQLModel's Field
    return Field(sa_column=Column(Text(), nullable=True), default=None)


def _suspects_of(table: str) -> Index:
    """The few rows of a table that Stripe has to be asked about."""
    where = text("suspect")
    return Index(f"ix_{table}_suspect", "suspect", sqlite_where=where, postgresql_where=where)


_RECURRING = ("plan", "currency", "interval", "unit_amount", "quantity")
_WHY = ("cancellation_feedback", "cancellation_reason", "interval_count")


class Outcome(StrEnum):
    """What became of an event."""

    PENDING = "pending"
    APPLIED = "applied"
    STALE = "stale"
    IGNORED = "ignored"
    PARKED = "parked"


class Organization(SQLModel, table=True):
    """An org: one of the company's customers, with or without a Stripe customer."""

    __tablename__ = "organizations"
    __table_args__ = (
        Index("ix_organizations_name", text("lower(name)")),
        Index("ix_organizations_email", text("lower(email)")),
        Index("ix_organizations_created_at", "created_at", "org_id"),
    )

    org_id: str = Field(primary_key=True)
    name: str | None = None
    email: str | None = None
    stripe_customer_id: str | None = Field(default=None, unique=True)
    created_at: datetime | None = _time()
    imported_at: datetime | None = _time()


class Customer(SQLModel, table=True):
    """A Stripe customer and the org it belongs to; the listener's own working table.

    ``conflicting_org_id`` is set where another customer holds the org that this one claims.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_org_id", "org_id"),
        Index("ix_customers_claimed_org_id", "claimed_org_id"),
        Index("ix_customers_checkout_reference", "checkout_reference"),
        Index(
            "ix_customers_conflicting",
            "conflicting_org_id",
            sqlite_where=text("conflicting_org_id IS NOT NULL"),
            postgresql_where=text("conflicting_org_id IS NOT NULL"),
        ),
        _suspects_of("customers"),
    )

    customer_id: str = Field(primary_key=True)
    org_id: str
    name: str | None = None
    email: str | None = None
    claimed_org_id: str | None = None
    checkout_reference: str | None = None
    checkout_reference_at: datetime | None = _time()
    conflicting_org_id: str | None = None
    created_at: datetime | None = _time()
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = _time()
    event_id: str | None = None


class Subscription(SQLModel, table=True):
    """A subscription as Stripe last described it.

    ``price_id`` to ``product_id`` describe the item that decides the plan; ``items`` holds all of
    them, and ``other_price_ids`` the other items' prices as ``,a,b,``. ``event_created``,
    ``event_id``, ``peers`` and ``suspect`` are what ordering needs.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_customer_id", "customer_id"),
        Index("ix_subscriptions_price_id", "price_id"),
        Index(
            "ix_subscriptions_set_to_end",
            "subscription_id",
            *_WHY,
            sqlite_where=text("cancel_at IS NOT NULL OR cancel_at_period_end"),
            postgresql_where=text("cancel_at IS NOT NULL OR cancel_at_period_end"),
        ),
        Index(
            "ix_subscriptions_ended_at",
            "ended_at",
            "subscription_id",
            *_WHY,
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
        Index(
            "ix_subscriptions_several_items",
            "subscription_id",
            sqlite_where=text("other_price_ids IS NOT NULL"),
            postgresql_where=text("other_price_ids IS NOT NULL"),
        ),
        _suspects_of("subscriptions"),
    )

    subscription_id: str = Field(primary_key=True)
    customer_id: str | None = None
    status: str
    price_id: str | None = None
    price_lookup_key: str | None = None
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    interval_count: int = 1
    product_id: str | None = None
    other_price_ids: str | None = _long_text()
    items: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON(), nullable=False)
    )
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = _time()
    canceled_at: datetime | None = _time()
    ended_at: datetime | None = _time()
    current_period_start: datetime | None = _time()
    current_period_end: datetime | None = _time()
    trial_end: datetime | None = _time()
    cancellation_reason: str | None = None
    cancellation_feedback: str | None = None
    cancellation_comment: str | None = _long_text()
    pause_behavior: str | None = None
    pause_resumes_at: datetime | None = _time()
    collection_method: str | None = None
    billing_mode: str | None = None
    schedule_id: str | None = None
    created_at: datetime | None = _time()
    known_status: str | None = None
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = _time(nullable=False)
    event_id: str


class Price(SQLModel, table=True):
    """A price; ``lookup_key`` is the last non-null one it was seen under."""

    __tablename__ = "prices"
    __table_args__ = (Index("ix_prices_lookup_key", "lookup_key"), _suspects_of("prices"))

    price_id: str = Field(primary_key=True)
    lookup_key: str | None = None
    lookup_key_at: datetime | None = _time()
    product_id: str | None = None
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    interval_count: int = 1
    nickname: str | None = None
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = _time()
    event_id: str | None = None


class Product(SQLModel, table=True):
    """A product: the name that its prices are shown under."""

    __tablename__ = "products"
    __table_args__ = (_suspects_of("products"),)

    product_id: str = Field(primary_key=True)
    name: str | None = None
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = _time()
    event_id: str | None = None


class PlanEntitlement(SQLModel, table=True):
    """What an org is entitled to now. ``ends_at`` is when access is due to end, else null."""

    __tablename__ = "plan_entitlements"
    __table_args__ = (
        Index("ix_plan_entitlements_ends_at", "ends_at", "org_id"),
        # All that totals of those who leave are made of.
        Index(
            "ix_plan_entitlements_leaving",
            "ends_at",
            "org_id",
            *_RECURRING,
            "subscription_id",
            "price_id",
            sqlite_where=text("ends_at IS NOT NULL"),
            postgresql_where=text("ends_at IS NOT NULL"),
        ),
        Index("ix_plan_entitlements_status", "status", "org_id"),
        Index("ix_plan_entitlements_plan", "plan", "org_id"),
        Index("ix_plan_entitlements_subscription_id", "subscription_id"),
        Index("ix_plan_entitlements_has_access", "has_access", "org_id"),
        Index(
            "ix_plan_entitlements_unmapped",
            "price_id",
            "org_id",
            sqlite_where=text("plan IS NULL AND price_id IS NOT NULL"),
            postgresql_where=text("plan IS NULL AND price_id IS NOT NULL"),
        ),
    )

    org_id: str = Field(primary_key=True)
    plan: str | None = None
    status: str
    has_access: bool
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = _time()
    current_period_end: datetime | None = _time()
    ends_at: datetime | None = _time()
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    subscription_id: str | None = None
    price_id: str | None = None
    price_lookup_key: str | None = None
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    last_event_id: str | None = None
    updated_at: datetime | None = _time(nullable=False)
    revision: int = 1


class EntitlementChange(SQLModel, table=True):
    """One change of an org's entitlement: before, after, and the event that caused it.

    ``before`` and ``after`` are the entitlement's fields as JSON, times in ISO 8601.
    """

    __tablename__ = "entitlement_changes"
    __table_args__ = (
        Index("ix_entitlement_changes_org_id", "org_id", "change_id"),
        Index("ix_entitlement_changes_changed_at", "changed_at"),
    )

    change_id: int | None = Field(default=None, primary_key=True)
    org_id: str
    changed_at: datetime | None = _time(nullable=False)
    event_id: str | None = None
    event_created: datetime | None = _time()
    cause: str
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(), nullable=True))
    after: dict[str, Any] = Field(sa_column=Column(JSON(), nullable=False))


class Cancellation(SQLModel, table=True):
    """One time in which a subscription was set to end.

    ``undone_at`` and ``ended_at`` say how that came out, ``seconds_to_undo`` how long it took to
    be undone. Plan item, amount and reason are those of the moment at which it was over, or of
    now. ``steps`` are the events that the row follows from.
    """

    __tablename__ = "cancellations"
    __table_args__ = (
        Index("ix_cancellations_subscription_id", "subscription_id"),
        Index("ix_cancellations_begun_at", "begun_at"),
        Index(
            "ix_cancellations_undone_at",
            "undone_at",
            "cancellation_id",
            sqlite_where=text("undone_at IS NOT NULL"),
            postgresql_where=text("undone_at IS NOT NULL"),
        ),
        Index(
            "ix_cancellations_ended_at",
            "ended_at",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )

    cancellation_id: str = Field(primary_key=True)
    subscription_id: str
    outcome: str
    begun_at: datetime | None = _time()
    undone_at: datetime | None = _time()
    ended_at: datetime | None = _time()
    seconds_to_undo: int | None = Field(default=None, sa_type=BigInteger)
    ends_at: datetime | None = _time()
    price_id: str | None = None
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    interval_count: int = 1
    reason: str | None = None
    feedback: str | None = None
    comment: str | None = _long_text()
    steps: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON(), nullable=False)
    )


class StateRollup(SQLModel, table=True):
    """How many more orgs were in a state at a day's end than at its beginning.

    The day is UTC's and Stripe's: that of the event which changed the state. All days together
    are how many are in the state now.
    """

    __tablename__ = "state_rollups"

    state: str = Field(primary_key=True)
    day: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    more: int = 0


class WebhookEvent(SQLModel, table=True):
    """One event in the inbox; its payload lies apart in ``webhook_payloads``."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index("ix_webhook_events_org_id", "org_id", "created", "event_id"),
        Index("ix_webhook_events_customer_id", "customer_id"),
        Index("ix_webhook_events_object_id", "object_id", "created"),
        Index("ix_webhook_events_received_at", "received_at"),
        Index("ix_webhook_events_created", "created"),
        Index(
            "ix_webhook_events_open",
            "outcome",
            "next_attempt_at",
            "received_at",
            sqlite_where=text("outcome IN ('pending', 'parked')"),
            postgresql_where=text("outcome IN ('pending', 'parked')"),
        ),
    )

    event_id: str = Field(primary_key=True)
    type: str
    api_version: str | None = None
    livemode: bool = False
    account: str | None = None
    created: datetime | None = _time(nullable=False)
    received_at: datetime | None = _time(nullable=False)
    applied_at: datetime | None = _time()
    customer_id: str | None = None
    org_id: str | None = None
    object_id: str | None = None
    outcome: str = Outcome.PENDING.value
    error: str | None = _long_text()
    attempts: int = 0
    deliveries: int = 1
    next_attempt_at: datetime | None = _time()


class WebhookPayload(SQLModel, table=True):
    """An event's redacted JSON, compressed with zlib."""

    __tablename__ = "webhook_payloads"

    event_id: str = Field(primary_key=True)
    body: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class PortalLink(SQLModel, table=True):
    """A support link that a customer redeems for a fresh Stripe session.

    Only the SHA-256 of its token is kept. ``target_quantity`` goes with ``target_lookup_key``.
    What a customer changed is written down nowhere: it is read off the events.
    """

    __tablename__ = "portal_links"
    __table_args__ = (
        Index("ix_portal_links_org_id", "org_id", "created_at"),
        Index("ix_portal_links_created_at", "created_at"),
        Index("ix_portal_links_created_by", "created_by", "created_at"),
        Index("ix_portal_links_destination", "destination", "created_at"),
        Index(
            "ix_portal_links_revoked",
            "created_at",
            sqlite_where=text("revoked_at IS NOT NULL"),
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
    )

    link_id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True)
    return_token_hash: str = Field(unique=True)
    org_id: str
    customer_id: str | None = None
    destination: str
    subscription_id: str | None = None
    target_lookup_key: str | None = None
    reason: str
    created_by: str
    created_by_role: str
    sender_name: str | None = None
    created_at: datetime | None = _time(nullable=False)
    expires_at: datetime | None = _time(nullable=False)
    uses_allowed: int = 1
    uses: int = 0
    last_redeemed_at: datetime | None = _time()
    revoked_at: datetime | None = _time()
    revoked_by: str | None = None
    refusal_code: str | None = None
    revision_at_redeem: int | None = None
    target_quantity: int | None = None
    offers_coupon: bool = True


class LinkVisit(SQLModel, table=True):
    """How often a support link's own page and its return page were looked at.

    Mail scanners' looks at the link are among them. Counted in memory and written now and then: it
    proves nothing, and no visit waits for it or changes the link.
    """

    __tablename__ = "link_visits"

    link_id: str = Field(primary_key=True)
    opened: int = 0
    first_opened_at: datetime | None = _time()
    last_opened_at: datetime | None = _time()
    returned: int = 0
    last_returned_at: datetime | None = _time()


class AuditEntry(SQLModel, table=True):
    """One line of the append-only audit log; each holds the hash of the one before it.

    ``follows`` names the entry that this one completes. ``token_id`` makes a command's token
    usable once.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_org_id", "org_id", "audit_id"),
        Index("ix_audit_log_at", "at"),
        Index("ix_audit_log_follows", "follows"),
        Index("ix_audit_log_actor", "actor", "audit_id"),
        Index("ix_audit_log_action", "action", "audit_id"),
        Index("ix_audit_log_outcome", "outcome", "audit_id"),
        Index("ix_audit_log_link_id", "link_id", "audit_id"),
    )

    audit_id: int | None = Field(default=None, primary_key=True)
    at: datetime | None = _time(nullable=False)
    actor: str
    role: str
    action: str
    outcome: str
    org_id: str | None = None
    destination: str | None = None
    subscription_id: str | None = None
    reason: str | None = _long_text()
    link_id: str | None = None
    follows: int | None = None
    detail: str | None = _long_text()
    token_id: str | None = Field(default=None, unique=True)
    previous_hash: str
    hash: str


class ListenerState(SQLModel, table=True):
    """Small facts that the listener keeps between runs: cursors, last reconcile, heartbeat."""

    __tablename__ = "listener_state"

    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_column=Column(JSON(), nullable=False))
    updated_at: datetime | None = _time(nullable=False)


class EventRollup(SQLModel, table=True):
    """Events counted by hour, type and outcome, so that charts read few rows."""

    __tablename__ = "event_rollups"

    hour: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    type: str = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    events: int = 0
    deliveries: int = 0


class EventLag(SQLModel, table=True):
    """How long events took, counted by the hour they arrived in; ``billing_core.lags`` says how."""

    __tablename__ = "event_lags"

    hour: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    leg: str = Field(primary_key=True)
    bucket: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    events: int = 0


class EventVersion(SQLModel, table=True):
    """Events that Stripe sent, counted by the hour they arrived in and the API version they bear."""

    __tablename__ = "event_versions"

    hour: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    api_version: str = Field(primary_key=True)
    events: int = 0


class Drift(SQLModel, table=True):
    """A difference found between a row and Stripe's own answer, with both values."""

    __tablename__ = "drift"
    __table_args__ = (Index("ix_drift_found_at", "found_at"),)

    drift_id: int | None = Field(default=None, primary_key=True)
    found_at: datetime | None = _time(nullable=False)
    subscription_id: str
    field: str
    ours: str | None = _long_text()
    stripes: str | None = _long_text()
    event_id: str | None = None
