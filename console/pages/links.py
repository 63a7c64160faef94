"""Support links: who sent what to whom, whether it still works, and what came of it."""

import streamlit as st

from billing_core.permissions import Permission
from billing_core.queries.links import LinkFilters, links
from console import access, address, data, elements
from console.link_detail import detail
from console.link_list import link_filters, link_table
from console.viewer import viewer

_NONE = (
    "No support link was made yet.",
    "A link is listed here as soon as somebody makes one on an organization's page.",
)
_NO_MATCH = ("No support link matches.", "Set a filter back to Any, or empty a field.")


def page() -> None:
    """The newest links, narrowed by what the address says; or the one that it names."""
    principal = access.require(Permission.READ_LINKS)
    who, now = viewer(), data.now()
    chosen = st.query_params.get("link", "").replace("\0", "").strip()
    if chosen:
        detail(chosen, principal, who)
        return
    elements.page_heading(
        "Support links", "Links that were sent to customers, and what came of them."
    )
    filters = link_filters()
    with data.snapshot() as connection:
        found = links(connection, filters, now=now, after=address.position(), limit=25)
    if found.rows:
        elements.show(link_table(found.rows, who, now))
    else:
        elements.empty(*(_NONE if filters == LinkFilters() else _NO_MATCH))
    address.pages(found.next_cursor)
