"""The console's way to the database: short read-only snapshots, nothing held while idle."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Connection

from billing_core.config import BillingConfig, load_config
from billing_core.database import Reader, reader
from billing_core.settings import settings


@lru_cache(maxsize=1)
def _reader() -> Reader:
    return reader()


@contextmanager
def snapshot() -> Iterator[Connection]:
    """One consistent read-only snapshot: query, leave, then render.

    Raises DatabaseUnavailableError with a sentence, which the frame around every page shows.
    """
    with _reader().connect() as connection:
        yield connection


def config() -> BillingConfig:
    """The ``billing.toml`` that the settings name, read once."""
    return load_config(settings().billing_config)


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)
