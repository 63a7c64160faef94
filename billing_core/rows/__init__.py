"""What the read queries answer with: frozen values, safe to cache and to show.

Times are aware datetimes in UTC; amounts are in the currency's minor unit, as the price states
them.
"""

from billing_core.rows.history import (
    AuditPage,
    AuditRow,
    ChangeRow,
    FieldChange,
    Payload,
    TimelineEntry,
    TimelinePage,
    Value,
)
from billing_core.rows.operations import (
    EventRow,
    EventVolume,
    Overview,
    Percentiles,
    SuspectSubscription,
    UnmappedPrice,
    WebhookHealth,
)
from billing_core.rows.organizations import (
    ConflictingClaim,
    Count,
    EntitlementMark,
    EntitlementRow,
    ItemView,
    OrganizationFacts,
    OrganizationPage,
    OrganizationRow,
    OrganizationView,
    SubscriptionView,
)
from billing_core.rows.past import Change, PastView
from billing_core.rows.revenue import (
    LeavingPage,
    LeavingRow,
    PriceChoice,
    RecurringTotal,
)

__all__ = [
    "AuditPage",
    "AuditRow",
    "Change",
    "ChangeRow",
    "ConflictingClaim",
    "Count",
    "EntitlementMark",
    "EntitlementRow",
    "EventRow",
    "EventVolume",
    "FieldChange",
    "ItemView",
    "LeavingPage",
    "LeavingRow",
    "OrganizationFacts",
    "OrganizationPage",
    "OrganizationRow",
    "OrganizationView",
    "Overview",
    "PastView",
    "Payload",
    "Percentiles",
    "PriceChoice",
    "RecurringTotal",
    "SubscriptionView",
    "SuspectSubscription",
    "TimelineEntry",
    "TimelinePage",
    "UnmappedPrice",
    "Value",
    "WebhookHealth",
]
