"""One organization: what it has now and why, where to send its customer, and its story."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import access, data, elements, story
from console.organization_header import header
from console.viewer import viewer


def page() -> None:
    """The organization that the address names."""
    access.require(Permission.READ_ORGANIZATIONS)
    org_id = st.query_params.get("org", "")
    who = viewer()
    with data.snapshot() as connection:
        view = queries.organization(connection, org_id)
        told = queries.timeline(
            connection, org_id, limit=story.wanted_length(), day=who.day, locale=who.locale
        )
    if view is None:
        _unknown(org_id)
        return
    header(view, who)
    _left, right = st.columns([5, 7], gap="large")
    with right:
        story.story(told, who)


def _unknown(org_id: str) -> None:
    elements.page_heading("No such organization")
    said = (
        "The address names no organization."
        if not org_id
        else (f"Nothing is known of “{org_id[:100]}”. It may have been given a better id since.")
    )
    elements.notice(said, "warn")
    elements.show(elements.link("Search all organizations", "/organizations"))
