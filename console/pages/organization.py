"""One organization: what it has now and why, where to send its customer, and its story."""

import streamlit as st

from billing_core import queries
from billing_core.permissions import Permission
from console import access, data, elements, mint_panel, minted, sending, story, watch
from console.organization_header import header
from console.viewer import viewer


def page() -> None:
    """The organization that the address names, kept up to date while it is looked at."""
    principal = access.require(Permission.READ_ORGANIZATIONS)
    org_id = st.query_params.get("org", "")
    may_mint = principal.may(Permission.MINT_LINKS)
    who = viewer()
    with data.snapshot() as connection:
        view = queries.organization(connection, org_id)
        mark = queries.entitlement_mark(connection, org_id)
        told = queries.timeline(
            connection, org_id, limit=story.wanted_length(org_id), day=who.day, locale=who.locale
        )
        prices = queries.prices(connection) if may_mint else ()
    if view is None:
        _unknown(org_id)
        return
    st.set_page_config(page_title=view.name or view.org_id)
    header(view, who)
    if not may_mint:
        story.story(org_id, told, who)
        watch.watch(org_id, mark)
        return
    panel, beside = st.columns([5, 7], gap="large")
    with panel:
        link, sent = minted.kept(org_id), sending.kept(org_id)
        if sent is not None:
            sending.hand_over(sent, principal, who)
            watch.watch(org_id, mark)
        elif link is None:
            mint_panel.choose(principal, view, told.entries, prices, who)
            watch.watch(org_id, mark)
        else:
            elements.section(link.destination)
            if watch.landed(view, told.entries, link, who):
                watch.watch(org_id, mark)
            else:
                mint_panel.hand_over(link, who)
                watch.watch(org_id, mark, link)
            st.button("Make another link", on_click=minted.forget, key="another_link")
    with beside:
        story.story(org_id, told, who)


def _unknown(org_id: str) -> None:
    elements.page_heading("No such organization")
    said = "The address names no organization."
    if org_id:
        said = f"Nothing is known of “{org_id[:100]}”. It may have been given a better id since."
    elements.notice(said, "warn")
    elements.show(elements.link("Search all organizations", "/organizations"))
