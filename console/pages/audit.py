"""Who did what: the append-only audit log."""

from billing_core import queries
from billing_core.permissions import Permission
from console import access, address, data, elements, exporting
from console.audit_list import audit_export, audit_filters, audit_table
from console.viewer import viewer

_NONE = (
    "Nothing is recorded.",
    "Whatever somebody does for a customer, or may not do, is listed here.",
)
_NO_MATCH = ("Nothing that was recorded matches.", "Set a filter back to Any, or empty a field.")


def page() -> None:
    """The newest entries, each with the reason that was given and how it went; and as a file."""
    access.require(Permission.READ_AUDIT)
    elements.page_heading(
        "Audit log", "Who did what, for whom and why, and who was refused or denied."
    )
    filters = audit_filters()
    with data.snapshot() as connection:
        found = queries.audit_entries(connection, filters, after=address.position())
    if found.rows:
        exporting.buttons(audit_export(filters))
        elements.show(audit_table(found.rows, viewer()))
    else:
        elements.empty(*(_NONE if filters == queries.AuditFilters() else _NO_MATCH))
    address.pages(found.next_cursor)
