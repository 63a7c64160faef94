"""Customers of which two claim one organization, and where each of them stands."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows import ConflictingClaim
from console import elements
from console.elements import Column

_COLUMNS = (
    Column("Organization"),
    Column("Also claimed by"),
    Column("Which stands under"),
)


def claims_table(claims: Iterable[ConflictingClaim]) -> Markup:
    """A line for each customer that came second, leading to both organizations."""
    return elements.table(
        _COLUMNS,
        [
            (
                elements.organization_link(claim.claimed_org_id, None),
                elements.code(claim.customer_id),
                elements.organization_link(claim.org_id, None),
            )
            for claim in claims
        ],
        "Conflicting claims",
    )
