"""Subscriptions, and the prices and products that they are for."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from billing_core.tables.columns import long_text, partial_index, suspects_of, time_column


class Subscription(SQLModel, table=True):
    """A subscription as Stripe last described it.

    ``price_id`` to ``product_id`` describe the item that decides the plan; ``items`` holds all of
    them, and ``other_price_ids`` the other items' prices as ``,a,b,``. ``event_created``,
    ``event_id``, ``peers`` and ``suspect`` are what ordering needs.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_customer_id", "customer_id"),
        Index("ix_subscriptions_price_id", "price_id", "subscription_id", "customer_id"),
        partial_index(
            "ix_subscriptions_several_items", "subscription_id", where="other_price_ids IS NOT NULL"
        ),
        suspects_of("subscriptions"),
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
    other_price_ids: str | None = long_text()
    items: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON(), nullable=False)
    )
    cancel_at_period_end: bool = False
    cancel_at: datetime | None = time_column()
    canceled_at: datetime | None = time_column()
    ended_at: datetime | None = time_column()
    current_period_start: datetime | None = time_column()
    current_period_end: datetime | None = time_column()
    trial_end: datetime | None = time_column()
    cancellation_reason: str | None = None
    cancellation_feedback: str | None = None
    cancellation_comment: str | None = long_text()
    pause_behavior: str | None = None
    pause_resumes_at: datetime | None = time_column()
    collection_method: str | None = None
    billing_mode: str | None = None
    schedule_id: str | None = None
    created_at: datetime | None = time_column()
    known_status: str | None = None
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = time_column(nullable=False)
    event_id: str


class Price(SQLModel, table=True):
    """A price; ``lookup_key`` is the last non-null one it was seen under.

    ``lookup_key_disputed`` says that another was seen in the same second.
    """

    __tablename__ = "prices"
    __table_args__ = (
        Index("ix_prices_lookup_key", "lookup_key"),
        suspects_of("prices"),
        suspects_of("prices", "lookup_key_disputed"),
    )

    price_id: str = Field(primary_key=True)
    lookup_key: str | None = None
    lookup_key_at: datetime | None = time_column()
    lookup_key_disputed: bool = False
    product_id: str | None = None
    unit_amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    interval: str | None = None
    interval_count: int = 1
    nickname: str | None = None
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = time_column()
    event_id: str | None = None


class Product(SQLModel, table=True):
    """A product: the name that its prices are shown under."""

    __tablename__ = "products"
    __table_args__ = (suspects_of("products"),)

    product_id: str = Field(primary_key=True)
    name: str | None = None
    deleted: bool = False
    suspect: bool = False
    peers: int = 0
    event_created: datetime | None = time_column()
    event_id: str | None = None
