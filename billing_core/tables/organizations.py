"""Who the organizations are, and what each is entitled to."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from billing_core.tables.columns import (
    UTCDateTime,
    long_text,
    partial_index,
    suspects_of,
    time_column,
)

# All that lists of those who leave are narrowed to, and totals of them are made of.
_RECURRING = (
    *("plan", "currency", "interval", "interval_count"),
    *("cancellation_reason", "cancellation_feedback", "unit_amount", "quantity", "status"),
)
_TERMS = (
    *("price_id", "currency", "interval", "interval_count", "reason", "feedback"),
    *("unit_amount", "quantity", "seconds_to_undo", "standing"),
)


class Organization(SQLModel, table=True):
    """An org: one of the company's customers, with or without a Stripe customer."""

    __tablename__ = "organizations"
    __table_args__ = (
        Index("ix_organizations_name", text("lower(name)")),
        Index("ix_organizations_email", text("lower(email)")),
        Index("ix_organizations_created_at", "created_at", "org_id"),
        # Said so that SQLite does not look among the unique ids for those that are null.
        partial_index(
            "ix_organizations_without_customer",
            "created_at",
            "org_id",
            where="coalesce(stripe_customer_id, '') = ''",
        ),
    )

    org_id: str = Field(primary_key=True)
    name: str | None = None
    email: str | None = None
    stripe_customer_id: str | None = Field(default=None, unique=True)
    created_at: datetime | None = time_column()
    imported_at: datetime | None = time_column()


class Customer(SQLModel, table=True):
    """A Stripe customer and the org it belongs to; the listener's own working table.

    ``conflicting_org_id`` is set where another customer holds the org that this one claims.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_org_id", "org_id"),
        Index("ix_customers_claimed_org_id", "claimed_org_id"),
        Index("ix_customers_checkout_reference", "checkout_reference"),
        partial_index(
            "ix_customers_conflicting", "conflicting_org_id", where="conflicting_org_id IS NOT NULL"
        ),
        suspects_of("customers"),
    )

    customer_id: str = Field(primary_key=True)
    org_id: str
    name: str | None = None
    email: str | None = None
    claimed_org_id: str | None = None
    checkout_reference: str | None = None
    checkout_reference_at: datetime | None = time_column()
    conflicting_org_id: str | None = None
    created_at: datetime | None = time_column()
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = time_column()
    event_id: str | None = None


class PlanEntitlement(SQLModel, table=True):
    """What an org is entitled to now. ``ends_at`` is when access is due to end, else null.

    What stands after ``revision`` is there for lists: ``org_created_at`` is the org's own, the rest
    the deciding subscription's; ``ended_at`` only where access has ended with it.
    """

    __tablename__ = "plan_entitlements"
    __table_args__ = (
        partial_index(
            "ix_plan_entitlements_leaving",
            "ends_at",
            "org_id",
            *_RECURRING,
            where="ends_at IS NOT NULL",
        ),
        partial_index(
            "ix_plan_entitlements_left",
            "ended_at",
            "org_id",
            *_RECURRING,
            where="ended_at IS NOT NULL",
        ),
        partial_index(
            "ix_plan_entitlements_leaving_orgs",
            "org_created_at",
            "org_id",
            where="ends_at IS NOT NULL",
        ),
        # Each begins with what the list of organizations is narrowed to and goes on in its order.
        Index("ix_plan_entitlements_status", "status", "org_created_at", "org_id", "plan"),
        # Without those that have none, so that nobody looks for unmapped ones among them.
        partial_index(
            "ix_plan_entitlements_plan",
            "plan",
            "org_created_at",
            "org_id",
            "status",
            where="plan IS NOT NULL",
        ),
        Index("ix_plan_entitlements_currency", "currency", "org_created_at", "org_id"),
        Index("ix_plan_entitlements_interval", "interval", "org_created_at", "org_id"),
        Index(
            "ix_plan_entitlements_subscription_id", "subscription_id", "org_created_at", "org_id"
        ),
        Index("ix_plan_entitlements_has_access", "has_access", "org_id"),
        partial_index(
            "ix_plan_entitlements_unmapped",
            "price_id",
            "org_created_at",
            "org_id",
            "subscription_id",
            "status",
            where="plan IS NULL AND price_id IS NOT NULL",
        ),
        partial_index(
            "ix_plan_entitlements_unmapped_orgs",
            "org_created_at",
            "org_id",
            where="plan IS NULL AND price_id IS NOT NULL",
        ),
    )

    org_id: str = Field(primary_key=True)
    plan: str | None = None
    status: str
    has_access: bool
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = time_column()
    current_period_end: datetime | None = time_column()
    ends_at: datetime | None = time_column()
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    subscription_id: str | None = None
    price_id: str | None = None
    price_lookup_key: str | None = None
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    last_event_id: str | None = None
    updated_at: datetime | None = time_column(nullable=False)
    revision: int = 1
    interval_count: int = Field(
        default=1, sa_column=Column(Integer(), nullable=False, server_default="1")
    )
    org_created_at: datetime | None = time_column()
    ended_at: datetime | None = time_column()
    cancellation_reason: str | None = None
    cancellation_feedback: str | None = None


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
    changed_at: datetime | None = time_column(nullable=False)
    event_id: str | None = None
    event_created: datetime | None = time_column()
    cause: str
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(), nullable=True))
    after: dict[str, Any] = Field(sa_column=Column(JSON(), nullable=False))


class Cancellation(SQLModel, table=True):
    """One time in which a subscription was set to end.

    ``undone_at`` and ``ended_at`` say how that came out, ``seconds_to_undo`` how long it took to
    be undone. Plan item, amount and reason are those of the moment at which it was over, or of
    now. ``standing`` says where the subscription stands by now: it has ``left``, is ``leaving``,
    or is ``staying``. ``steps`` are the events that the row follows from.
    """

    __tablename__ = "cancellations"
    __table_args__ = (
        Index("ix_cancellations_subscription_id", "subscription_id"),
        Index("ix_cancellations_begun_at", "begun_at"),
        partial_index(
            "ix_cancellations_undone_at",
            "undone_at",
            "cancellation_id",
            *_TERMS,
            where="undone_at IS NOT NULL",
        ),
        partial_index("ix_cancellations_ended_at", "ended_at", where="ended_at IS NOT NULL"),
    )

    cancellation_id: str = Field(primary_key=True)
    subscription_id: str
    outcome: str
    begun_at: datetime | None = time_column()
    undone_at: datetime | None = time_column()
    ended_at: datetime | None = time_column()
    seconds_to_undo: int | None = Field(default=None, sa_type=BigInteger)
    ends_at: datetime | None = time_column()
    price_id: str | None = None
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    interval_count: int = 1
    reason: str | None = None
    feedback: str | None = None
    comment: str | None = long_text()
    standing: str
    steps: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON(), nullable=False)
    )


class StateRollup(SQLModel, table=True):
    """How many more orgs were in a state at a day's end than at its beginning.

    The day is UTC's and Stripe's: that of the event which changed the state. All days together
    are how many are in the state now. Every org that has an entitlement, of whatever kind, is known.
    """

    __tablename__ = "state_rollups"

    state: str = Field(primary_key=True)
    day: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    more: int = 0
