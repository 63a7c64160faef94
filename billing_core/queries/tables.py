"""The tables as SQLAlchemy Core sees them, and a row as plain values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable, func, select
from sqlalchemy.sql import Select
from sqlmodel import SQLModel

import billing_core.tables  # noqa: F401 - fills the metadata
from billing_core.config import BillingConfig, load_config
from billing_core.rows import Count
from billing_core.settings import settings

Row = Mapping[str, Any]

_TABLES = SQLModel.metadata.tables
ORGANIZATIONS = _TABLES["organizations"]
CUSTOMERS = _TABLES["customers"]
SUBSCRIPTIONS = _TABLES["subscriptions"]
PRICES = _TABLES["prices"]
PRODUCTS = _TABLES["products"]
ENTITLEMENTS = _TABLES["plan_entitlements"]
CHANGES = _TABLES["entitlement_changes"]
EVENTS = _TABLES["webhook_events"]
PAYLOADS = _TABLES["webhook_payloads"]
AUDIT = _TABLES["audit_log"]
ROLLUPS = _TABLES["event_rollups"]
LAGS = _TABLES["event_lags"]
VERSIONS = _TABLES["event_versions"]
STATE = _TABLES["listener_state"]
DRIFT = _TABLES["drift"]
STATE_ROLLUPS = _TABLES["state_rollups"]
REVENUE_ROLLUPS = _TABLES["revenue_rollups"]
CANCELLATIONS = _TABLES["cancellations"]
LINKS = _TABLES["portal_links"]
LISTENER_STATE = _TABLES["listener_state"]
LINK_VISITS = _TABLES["link_visits"]
LINK_ROLLUPS = _TABLES["link_rollups"]

# As ``IS NOT NULL``, said so that SQLite looks into the index instead of reading every row.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
WINDING_DOWN = ENTITLEMENTS.c.ends_at > NEVER


def fetch(connection: Connection, statement: Executable) -> list[Row]:
    """What ``statement`` selects."""
    result = connection.execute(statement)
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def capped_count(connection: Connection, statement: Select[Any], cap: int) -> Count:
    """How many rows ``statement`` has; past ``cap`` nobody goes on counting."""
    limited = statement.limit(cap + 1).subquery()
    found = connection.execute(select(func.count()).select_from(limited)).scalar_one()
    return Count(min(found, cap), capped=found > cap)


def config_or_default(config: BillingConfig | None) -> BillingConfig:
    """The given ``billing.toml``, else the one that the settings name. Raises SettingsError."""
    return config if config is not None else load_config(settings().billing_config)
