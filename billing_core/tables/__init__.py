"""The tables, as SQLModel classes. The listener alone writes them and owns their migrations.

Times are UTC; amounts are in the currency's minor unit. ``plan_entitlements`` is a public contract:
the customer's own product reads it.
"""

from billing_core.tables.columns import UTCDateTime
from billing_core.tables.events import (
    Drift,
    EventLag,
    EventRollup,
    EventVersion,
    ListenerState,
    Outcome,
    WebhookEvent,
    WebhookPayload,
)
from billing_core.tables.links import (
    AuditEntry,
    LinkRollup,
    LinkVisit,
    PortalLink,
)
from billing_core.tables.organizations import (
    Cancellation,
    Customer,
    EntitlementChange,
    Organization,
    PlanEntitlement,
    StateRollup,
)
from billing_core.tables.revenue import (
    DAY,
    HOUR,
    WEEK,
    Grain,
    RevenueRollup,
    RollupKind,
    Took,
    took,
)
from billing_core.tables.subscriptions import (
    Price,
    Product,
    Subscription,
)

__all__ = [
    "DAY",
    "HOUR",
    "WEEK",
    "AuditEntry",
    "Cancellation",
    "Customer",
    "Drift",
    "EntitlementChange",
    "EventLag",
    "EventRollup",
    "EventVersion",
    "Grain",
    "LinkRollup",
    "LinkVisit",
    "ListenerState",
    "Organization",
    "Outcome",
    "PlanEntitlement",
    "PortalLink",
    "Price",
    "Product",
    "RevenueRollup",
    "RollupKind",
    "StateRollup",
    "Subscription",
    "Took",
    "UTCDateTime",
    "WebhookEvent",
    "WebhookPayload",
    "took",
]
