"""All organizations, searched and filtered."""

from billing_core import queries
from billing_core.permissions import Permission
from console import access, address, data, elements, organization_filters
from console.organization_list import organization_table
from console.viewer import viewer


def page() -> None:
    """A search field for whatever is at hand, a few filters, and one page of what matches."""
    access.require(Permission.READ_ORGANIZATIONS)
    elements.page_heading("Organizations")
    with data.snapshot() as connection:
        sold_in = {price.currency for price in queries.prices(connection) if price.currency}
    text, filters, order = organization_filters.controls(sold_in)
    with data.snapshot() as connection:
        found = queries.search_organizations(
            connection, text, filters, order=order, after=address.position()
        )
    noun = "organization" if found.count.value == 1 else "organizations"
    told = f"At least {found.count.value:,}" if found.count.capped else str(found.count)
    elements.section(f"{told} {noun}")
    if found.rows:
        elements.show(organization_table(found.rows, viewer()))
    elif organization_filters.narrowed():
        elements.empty(
            "Nothing matches.",
            "Try part of the name or e-mail address, or paste an id: organization, customer,"
            " subscription, price, event. “Clear filters” shows everything again.",
        )
    else:
        elements.empty(
            "Nothing matches.",
            "There are no organizations yet: each customer in Stripe appears here by itself, and"
            " “billing-listener orgs import” brings those that Stripe does not know.",
        )
    address.pages(found.next_cursor)
