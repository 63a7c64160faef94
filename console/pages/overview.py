"""What needs attention now."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.rows import Count, Overview
from console import access, data, elements
from console.changes import changes_table
from console.freshness import freshness
from console.identity import Principal
from console.viewer import viewer

_Tile = tuple[elements.Text, str, str, elements.Text]


def page() -> None:
    """Counts that lead to their lists, how fresh the picture is, and what changed last."""
    principal = access.require(Permission.READ_ORGANIZATIONS)
    now = data.now()
    with data.snapshot() as connection:
        counts = queries.overview_counts(connection, now)
        changes = queries.newest_changes(connection, limit=12)
        health = queries.webhook_health(connection, now)
    elements.page_heading("Overview", f"Signed in as {principal.name}")
    elements.notice(*freshness(health, now))
    if not counts.organizations.value:
        elements.empty(
            "No organizations yet.",
            "They appear as soon as Stripe sends the first webhook about a customer, or when an"
            " operator runs billing-listener orgs import.",
        )
        return
    elements.section("Needs attention")
    elements.show(elements.tiles(_attention(counts, principal)))
    elements.section("Organizations")
    elements.show(elements.tiles(_state(counts)))
    elements.section("Newest changes")
    elements.show(changes_table(changes, viewer()))
    st.button("Refresh", icon=":material/refresh:")


def _attention(counts: Overview, principal: Principal) -> list[_Tile]:
    found = [
        _tile(counts.past_due, "Past due", "warn", "Stripe is retrying", show="past_due"),
        _tile(counts.unpaid, "Unpaid", "bad", "Stripe has given up", status="unpaid"),
        _tile(counts.winding_down, "Winding down", "warn", "Set to end", show="winding_down"),
        _tile(counts.incomplete, "Awaiting payment", "warn", "The first one", status="incomplete"),
        _tile(
            counts.unmapped, "Unmapped price", "warn", "No plan in billing.toml", show="unmapped"
        ),
    ]
    if principal.may(Permission.READ_WINDING_DOWN):
        found.append(
            (
                elements.link(str(counts.overdue), "/winding-down"),
                "Overdue",
                _tone(counts.overdue, "bad"),
                "Period over, no end reported",
            )
        )
    if principal.may(Permission.READ_WEBHOOKS):
        found.append(
            (
                elements.link(str(counts.parked), "/webhooks"),
                "Parked events",
                _tone(counts.parked, "bad"),
                "Wait for a person",
            )
        )
        found.append(
            (
                str(counts.conflicting_claims),
                "Conflicting claims",
                _tone(counts.conflicting_claims, "bad"),
                "Two customers, one organization",
            )
        )
    return found


def _state(counts: Overview) -> list[_Tile]:
    return [
        _tile(counts.organizations, "All", "plain", "With and without a plan"),
        (str(counts.with_access), "With access", "plain", "Now"),
        _tile(counts.trialing, "In trial", "plain", "Have access", status="trialing"),
        _tile(counts.paused, "Paused", "plain", "No access", status="paused"),
    ]


def _tile(count: Count, label: str, tone: str, below: str, **query: str) -> _Tile:
    return elements.link(str(count), "/organizations", **query), label, _tone(count, tone), below


def _tone(count: Count, tone: str) -> str:
    return tone if count.value else "plain"
