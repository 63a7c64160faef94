"""What the console asks the database: each function takes a connection and answers frozen rows.

No query here writes, calls Stripe, or reads a table without an index that fits.
"""

from billing_core.queries.organization import entitlement_mark, organization
from billing_core.queries.organizations import (
    Order,
    OrganizationFilters,
    search_organizations,
)

__all__ = [
    "Order",
    "OrganizationFilters",
    "entitlement_mark",
    "organization",
    "search_organizations",
]
