"""One organization: what it has now and why, where to send its customer, and its story."""

import streamlit as st

from billing_core.permissions import Permission
from console import access, elements, raw_payload, story
from console.organization_body import present, show_past
from console.organization_reading import read
from console.viewer import viewer


def page() -> None:
    """The organization that the address names: now, kept up to date, or as it was."""
    principal = access.require(Permission.READ_ORGANIZATIONS)
    org_id = st.query_params.get("org", "")
    who = viewer()
    telling = story.wanted(org_id, who, payloads=principal.may(Permission.READ_PAYLOADS))
    found = read(principal, telling)
    if found is None:
        _unknown(org_id)
        return
    st.set_page_config(page_title=found.view.name or org_id)
    if found.past is None:
        present(principal, found, telling)
    else:
        show_past(found.past, found, telling)
    raw_payload.show_wanted(principal, org_id, who)


def _unknown(org_id: str) -> None:
    elements.page_heading("No such organization")
    said = "The address names no organization."
    if org_id:
        said = f"Nothing is known of “{org_id[:100]}”. It may have been given a better id since."
    elements.notice(said, "warn")
    elements.show(elements.link("Search all organizations", "/organizations"))
