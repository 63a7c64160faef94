"""What the console asks the database: each function takes a connection and answers frozen rows.

Nothing here writes or calls Stripe. Functions that name plans take a ``config``, by default the
``billing.toml`` of the settings.
"""

from billing_core.queries.audit import AuditFilters, audit_entries
from billing_core.queries.cancellations import cancellation_flow, undone_rows, undone_summary
from billing_core.queries.changes import newest_changes
from billing_core.queries.history import entitlement_history
from billing_core.queries.list_page import Order
from billing_core.queries.narrowing import OrganizationFilters
from billing_core.queries.organization import (
    conflicting_claims,
    entitlement_mark,
    organization,
)
from billing_core.queries.organizations import search_organizations
from billing_core.queries.overview import overview_counts
from billing_core.queries.past import organization_as_of
from billing_core.queries.payloads import payload
from billing_core.queries.prices import currencies_and_intervals, prices, unmapped_prices
from billing_core.queries.timeline import timeline
from billing_core.queries.trends import trends
from billing_core.queries.webhooks import (
    event_command,
    parked_events,
    stored_event,
    webhook_health,
)
from billing_core.queries.winding_down import (
    LeavingFilters,
    ended_rows,
    ended_since,
    leaving_by_feedback,
    leaving_by_plan,
    leaving_by_time,
    leaving_rows,
    leaving_totals,
    winding_down,
)

__all__ = [
    "AuditFilters",
    "LeavingFilters",
    "Order",
    "OrganizationFilters",
    "audit_entries",
    "cancellation_flow",
    "conflicting_claims",
    "currencies_and_intervals",
    "ended_rows",
    "ended_since",
    "entitlement_history",
    "entitlement_mark",
    "event_command",
    "leaving_by_feedback",
    "leaving_by_plan",
    "leaving_by_time",
    "leaving_rows",
    "leaving_totals",
    "newest_changes",
    "organization",
    "organization_as_of",
    "overview_counts",
    "parked_events",
    "payload",
    "prices",
    "search_organizations",
    "stored_event",
    "timeline",
    "trends",
    "undone_rows",
    "undone_summary",
    "unmapped_prices",
    "webhook_health",
    "winding_down",
]
