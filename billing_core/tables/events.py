"""What Stripe has sent, counted and kept; and what the listener remembers between runs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from billing_core.tables.columns import UTCDateTime, long_text, partial_index, time_column


class Outcome(StrEnum):
    """What became of an event."""

    PENDING = "pending"
    APPLIED = "applied"
    STALE = "stale"
    IGNORED = "ignored"
    PARKED = "parked"


class WebhookEvent(SQLModel, table=True):
    """One event in the inbox; its payload lies apart in ``webhook_payloads``."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        Index("ix_webhook_events_org_id", "org_id", "created", "event_id"),
        Index("ix_webhook_events_customer_id", "customer_id"),
        Index("ix_webhook_events_object_id", "object_id", "created"),
        Index("ix_webhook_events_received_at", "received_at"),
        Index("ix_webhook_events_created", "created"),
        partial_index(
            "ix_webhook_events_open",
            "outcome",
            "next_attempt_at",
            "received_at",
            where="outcome IN ('pending', 'parked')",
        ),
    )

    event_id: str = Field(primary_key=True)
    type: str
    api_version: str | None = None
    livemode: bool = False
    account: str | None = None
    created: datetime | None = time_column(nullable=False)
    received_at: datetime | None = time_column(nullable=False)
    applied_at: datetime | None = time_column()
    customer_id: str | None = None
    org_id: str | None = None
    object_id: str | None = None
    outcome: str = Outcome.PENDING.value
    error: str | None = long_text()
    attempts: int = 0
    deliveries: int = 1
    next_attempt_at: datetime | None = time_column()


class WebhookPayload(SQLModel, table=True):
    """An event's redacted JSON, compressed with zlib."""

    __tablename__ = "webhook_payloads"

    event_id: str = Field(primary_key=True)
    body: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class ListenerState(SQLModel, table=True):
    """Small facts that the listener keeps between runs: cursors, last reconcile, heartbeat."""

    __tablename__ = "listener_state"

    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_column=Column(JSON(), nullable=False))
    updated_at: datetime | None = time_column(nullable=False)


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
    found_at: datetime | None = time_column(nullable=False)
    subscription_id: str
    field: str
    ours: str | None = long_text()
    stripes: str | None = long_text()
    event_id: str | None = None
