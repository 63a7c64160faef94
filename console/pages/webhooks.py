"""Whether the picture can be trusted: what came, what waits, what is in doubt."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import access, commands, data, elements, webhook_numbers
from console.freshness import freshness
from console.viewer import viewer


def page() -> None:
    """Freshness in a sentence, the numbers behind it, and every thing that waits for somebody."""
    access.require(Permission.READ_WEBHOOKS)
    now = data.now()
    with data.snapshot() as connection:
        health = queries.webhook_health(connection, now)
    who = viewer()
    elements.page_heading("Webhooks", "What Stripe has sent, and what became of it.")
    elements.notice(*freshness(health, now, listening=commands.listener_answers()))
    elements.show(webhook_numbers.numbers(health, now))
    elements.section("Parked events", "Stored, and waiting for a person to look at them")
    if health.parked_events:
        elements.show(webhook_numbers.parked_table(health.parked_events, who))
    else:
        elements.empty("No event is parked.", "Everything that Stripe sent could be read.")
    if health.unmapped_prices:
        elements.section("Unmapped prices", "Paid by subscriptions, named by no plan")
        elements.show(webhook_numbers.unmapped_table(health.unmapped_prices))
    if health.suspects:
        elements.section("Order in doubt", "Stripe is being asked about these")
        elements.show(webhook_numbers.suspect_table(health.suspects, who))
    st.button("Refresh", icon=":material/refresh:")
