"""Recurring amounts that leave or stay, added up by the day and by the month."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

from billing_core.tables.columns import UTCDateTime, partial_index

HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400


class RollupKind(StrEnum):
    """What is added up, and by which of its moments.

    ``leaving`` and ``left`` are organizations by ``ends_at`` and ``ended_at``; ``begun``,
    ``undone`` and ``came_true`` are cancellations by ``begun_at``, ``undone_at``, ``ended_at``.
    """

    LEAVING = "leaving"
    LEFT = "left"
    BEGUN = "begun"
    UNDONE = "undone"
    CAME_TRUE = "came_true"


class Grain(StrEnum):
    """How long a time one row adds up; both are UTC's."""

    DAY = "day"
    MONTH = "month"


class Took(StrEnum):
    """How long it took until a cancellation was undone: less than that long, or longer."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    LATER = "later"


def took(seconds: int | None) -> Took | None:
    """The part that a time until a cancellation was undone belongs to; None where nobody knows."""
    if seconds is None:
        return None
    if seconds < HOUR:
        return Took.HOUR
    if seconds < DAY:
        return Took.DAY
    return Took.WEEK if seconds < WEEK else Took.LATER


class RevenueRollup(SQLModel, table=True):
    """How many there are of one kind in one day or month, and their recurring amount.

    All of a month's days together are what its month is. What a row of this kind does not tell
    apart, or what is null in the rows that it adds up, is empty text. ``amount`` is of those
    ``with_amount`` alone.
    """

    __tablename__ = "revenue_rollups"
    __table_args__ = (partial_index("ix_revenue_rollups_empty", "entries", where="entries = 0"),)

    kind: str = Field(primary_key=True)
    grain: str = Field(primary_key=True)
    since: datetime = Field(sa_column=Column(UTCDateTime(), primary_key=True))
    plan: str = Field(primary_key=True)
    price_id: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    interval: str = Field(primary_key=True)
    interval_count: int = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    feedback: str = Field(primary_key=True)
    standing: str = Field(primary_key=True)
    took: str = Field(primary_key=True)
    entries: int = Field(default=0, sa_type=BigInteger)
    with_amount: int = Field(default=0, sa_type=BigInteger)
    amount: int = Field(default=0, sa_type=BigInteger)
