"""The field in the sidebar that finds an organization from wherever one is."""

from collections.abc import Iterable

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from billing_core import queries
from billing_core.permissions import Permission
from console import data, searching
from console.identity import Principal

_KEY = "find"


def finder(principal: Principal, pages: Iterable[StreamlitPage]) -> None:
    """Lead to the one organization that was typed for, or to the list of all that match."""
    if not principal.may(Permission.READ_ORGANIZATIONS):
        return
    with st.sidebar, st.form("finder", border=False, clear_on_submit=True):
        typed = st.text_input(
            "Find an organization",
            key=_KEY,
            icon=":material/search:",
            placeholder="Name, e-mail, any id",
            help="Press / to come here, Enter to go there.",
        )
        asked = st.form_submit_button("Find", key="find_button")
    if asked and (wanted := searching.searched((typed or "").strip())):
        _go(wanted, {page.url_path: page for page in pages})


def _go(wanted: str, pages: dict[str, StreamlitPage]) -> None:
    with data.snapshot() as connection:
        found = queries.search_organizations(connection, wanted, limit=1)
    if len(found.rows) == 1 and found.next_cursor is None and not searching.was_shortened():
        st.switch_page(pages["organization"], query_params={"org": found.rows[0].org_id})
    st.switch_page(pages["organizations"], query_params={"q": wanted})
