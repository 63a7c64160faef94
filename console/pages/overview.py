"""What needs attention now."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import access, attention, commands, data, elements
from console.changes import changes_table
from console.conflicts import claims_table
from console.freshness import freshness
from console.viewer import viewer


def page() -> None:
    """How fresh the picture is, counts that lead to their lists, and what changed last."""
    principal = access.require(Permission.READ_ORGANIZATIONS)
    now = data.now()
    with data.snapshot() as connection:
        counts = queries.overview_counts(connection, now)
        trends = queries.trends(connection, now)
        (lately,) = queries.cancellation_flow(connection, [now - attention.LATELY, now])
        changes = queries.newest_changes(connection, limit=12)
        claims = queries.conflicting_claims(connection, limit=12)
        health = queries.webhook_health(connection, now)
    elements.page_heading("Overview", elements.as_of("What needs attention", now, viewer()))
    elements.notice(*freshness(health, now, listening=commands.listener_answers()))
    if not counts.organizations.value:
        elements.empty(
            "No organizations yet.",
            "They appear as soon as Stripe sends the first webhook about a customer, or when an"
            " operator runs billing-listener orgs import.",
        )
        return
    for group in attention.groups(counts, trends, lately, principal):
        elements.section(group.title, group.note)
        elements.show(attention.show(group.tiles))
    if claims and principal.may(Permission.MINT_LINKS):
        elements.section("Conflicting claims", "one of each two has to be corrected in Stripe")
        elements.show(claims_table(claims))
    elements.section("Organizations", "small bars: the last thirty days")
    elements.show(attention.show(attention.state(counts, trends)))
    elements.section("Newest changes")
    elements.show(changes_table(changes, viewer()))
    st.button("Refresh", icon=":material/refresh:")
