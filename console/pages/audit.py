"""Who did what: the append-only audit log."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries import AuditFilters
from billing_core.rows import AuditRow
from console import access, data, elements, paging
from console.elements import Column, Text
from console.labels import outcome_badge
from console.viewer import Viewer, viewer

_COLUMNS = (
    Column("When"),
    Column("Who"),
    Column("What"),
    Column("Organization"),
    Column("Reason"),
    Column("Outcome"),
)
_ACTIONS = {
    "portal_link.mint": "Make a portal link",
    "checkout_link.mint": "Make a Checkout link",
}


def page() -> None:
    """The newest entries, each with the reason that was given and how it went."""
    access.require(Permission.READ_AUDIT)
    elements.page_heading("Audit log", "Every link that was made or refused, by whom and why.")
    with st.container(horizontal=True):
        actor = st.text_input("Who", key="audit_actor", on_change=paging.restart, width=220)
        org_id = st.text_input(
            "Organization id", key="audit_org", on_change=paging.restart, width=280
        )
    filters = AuditFilters(actor=actor.strip().lower() or None, org_id=org_id.strip() or None)
    with data.snapshot() as connection:
        found = queries.audit_entries(connection, filters, after=paging.position())
    if found.rows:
        who = viewer()
        rows = [_row(row, who) for row in found.rows]
        elements.show(elements.table(_COLUMNS, rows, "Audit log"))
    else:
        elements.empty("Nothing is recorded.", "Each link that somebody asks for is listed here.")
    paging.controls(found.next_cursor)


def _row(row: AuditRow, who: Viewer) -> tuple[Text, ...]:
    organization = elements.organization_link(row.org_id, None) if row.org_id else elements.DASH
    return (
        elements.time(row.at, who),
        elements.lines(elements.untrusted(row.actor), elements.quiet(row.role)),
        elements.lines(
            row.destination or _ACTIONS.get(row.action, row.action),
            elements.quiet(row.subscription_id) if row.subscription_id else None,
        ),
        organization,
        elements.untrusted(row.reason),
        elements.lines(
            outcome_badge(row.completed or row.outcome),
            elements.quiet(row.detail.replace("_", " ")) if row.detail else None,
        ),
    )
