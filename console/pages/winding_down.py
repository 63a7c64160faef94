"""Revenue that is set to leave: who, when, from which plan, for how much, and why."""

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries.winding_down import leaving_totals
from console import access, address, data, elements
from console.leaving_list import leaving_table, total_tiles
from console.viewer import viewer
from console.winding_filters import leaving_filters


def page() -> None:
    """Everybody who is set to end, soonest first, with totals per currency and interval."""
    access.require(Permission.READ_WINDING_DOWN)
    elements.page_heading(
        "Winding down", "Customers who keep access until the date shown, and then leave."
    )
    now, who = data.now(), viewer()
    with data.snapshot() as connection:
        everybody = leaving_totals(connection)
    filters = leaving_filters(everybody, who)
    with data.snapshot() as connection:
        found = queries.winding_down(connection, filters, now=now, after=address.position())
    if not found.rows:
        _nobody(narrowed=bool(everybody))
        return
    elements.section("Recurring amounts that end", "As the prices state them, before discounts")
    elements.show(total_tiles(found.totals, who))
    leaving = sum(total.organizations for total in found.totals)
    elements.section(f"{leaving:,} {'organization' if leaving == 1 else 'organizations'}")
    elements.show(leaving_table(found.rows, who))
    address.pages(found.next_cursor)


def _nobody(*, narrowed: bool) -> None:
    if narrowed:
        elements.empty("Nobody who is set to leave matches.", "Set a filter back to Any.")
    else:
        elements.empty(
            "Nobody is set to leave.",
            "Whoever cancels in Stripe's portal appears here until the paid period is over.",
        )
