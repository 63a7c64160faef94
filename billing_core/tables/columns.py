"""Kinds of columns and indexes that several tables have."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Dialect, Index, Text, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field


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


def time_column(*, nullable: bool = True) -> Any:  # noqa: ANN401 - SQLModel's Field
    """A column of times in UTC."""
    return Field(sa_column=Column(UTCDateTime(), nullable=nullable), default=None)


def long_text() -> Any:  # noqa: ANN401 - SQLModel's Field
    """A column of text of any length."""
    return Field(sa_column=Column(Text(), nullable=True), default=None)


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index of those rows alone for which ``where`` is true, on both kinds of database."""
    condition = text(where)
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def suspects_of(table: str, column: str = "suspect") -> Index:
    """The few rows of a table that Stripe has to be asked about: where ``column`` is true."""
    return partial_index(f"ix_{table}_{column}", column, where=column)
