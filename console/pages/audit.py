"""Who did what: the append-only audit log."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from billing_core.queries import AuditFilters
from billing_core.rows import AuditRow
from console import access, address, data, elements
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
    "user.add": "Add a user",
    "user.disable": "Disable a user",
    "user.enable": "Enable a user",
    "user.remove": "Remove a user",
    "user.set_roles": "Set a user's roles",
    "user.reset_password": "Give a one-time password",
    "user.change_password": "Change one's own password",
}


def page() -> None:
    """The newest entries, each with the reason that was given and how it went."""
    access.require(Permission.READ_AUDIT)
    elements.page_heading(
        "Audit log", "Every link and every change of users, done or refused, by whom and why."
    )
    with st.container(horizontal=True):
        actor = _field("actor", "Who", 220)
        org_id = _field("org", "Organization id", 280)
    filters = AuditFilters(actor=actor.lower() or None, org_id=org_id or None)
    with data.snapshot() as connection:
        found = queries.audit_entries(connection, filters, after=address.position())
    if found.rows:
        who = viewer()
        rows = [_row(row, who) for row in found.rows]
        elements.show(elements.table(_COLUMNS, rows, "Audit log"))
    else:
        elements.empty("Nothing is recorded.", "Each link that somebody asks for is listed here.")
    address.pages(found.next_cursor)


def _field(key: str, label: str, width: int) -> str:
    address.hold(key)
    typed = st.text_input(label, key=key, on_change=address.write, args=(key,), width=width)
    return (typed or "").strip()


def _row(row: AuditRow, who: Viewer) -> tuple[Text, ...]:
    organization = elements.organization_link(row.org_id, None) if row.org_id else elements.DASH
    return (
        elements.time(row.at, who),
        elements.lines(elements.untrusted(row.actor), elements.quiet(row.role)),
        elements.lines(*_what(row)),
        organization,
        elements.untrusted(row.reason),
        elements.lines(
            outcome_badge(row.completed or row.outcome),
            elements.quiet(row.detail.replace("_", " ")) if row.detail else None,
        ),
    )


def _what(row: AuditRow) -> tuple[Text | None, Text | None]:
    """A link by where it leads; a change of users by what it does and whom it concerns."""
    action = _ACTIONS.get(row.action, row.action)
    if row.action.startswith("user."):
        return action, elements.quiet(elements.untrusted(row.destination))
    below = elements.quiet(row.subscription_id) if row.subscription_id else None
    return row.destination or action, below
