"""The tables that the inbox writes, as SQLAlchemy sees them."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from billing_core import tables as _models


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


EVENTS = _table(_models.WebhookEvent)
PAYLOADS = _table(_models.WebhookPayload)
ROLLUPS = _table(_models.EventRollup)
LAGS = _table(_models.EventLag)
VERSIONS = _table(_models.EventVersion)
STATE = _table(_models.ListenerState)
AUDIT = _table(_models.AuditEntry)
ORGANIZATIONS = _table(_models.Organization)
ENTITLEMENTS = _table(_models.PlanEntitlement)
SUBSCRIPTIONS = _table(_models.Subscription)
DRIFT = _table(_models.Drift)
