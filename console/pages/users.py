"""Who may sign in, and what they may do."""

import streamlit as st

from billing_core.permissions import Permission
from console import access, address, elements, people, user_actions, user_panel
from console.user_list import user_table
from console.viewer import viewer


def page() -> None:
    """The list; with ``?user=`` one of them, with ``?new=`` the form for somebody new."""
    user_actions.say_if_denied()
    principal = access.require(Permission.MANAGE_USERS)
    username = st.query_params.get("user") or user_actions.just_added()
    if username is not None:
        person = people.person(username)
        if person is not None:
            user_panel.show(person, principal, viewer())
            return
        elements.notice(f"There is no user {username}. Here is everybody.", "warn")
    elif "new" in st.query_params:
        user_panel.add_form()
        return
    elements.page_heading("Users", "Who may sign in, and what they may do.")
    user_actions.say()
    _list()


def _list() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        address.hold("q")
        text = st.text_input(
            "Find",
            key="q",
            max_chars=100,
            live="300ms",
            icon=":material/search:",
            placeholder="Name, user name or e-mail",
            on_change=address.write,
            args=("q",),
            width=360,
        )
        st.button("Add user", type="primary", icon=":material/person_add:", on_click=_new)
    found = [each for each in people.people() if each.matches(text or "")]
    if found:
        elements.show(user_table(found, viewer()))
    else:
        elements.empty("Nobody matches.", "Try part of a name, a user name or an e-mail address.")


def _new() -> None:
    st.query_params.from_dict({"new": "1"})
