"""A one-time password that was just given, kept for as long as its user's page is looked at."""

from dataclasses import dataclass, field

import streamlit as st
from markupsafe import Markup

from console import elements

_KEY = "one_time_password"
_COPY = (
    '<button type="button" class="bc-copy" data-copy=".st-key-one_time code">Copy password</button>'
)


@dataclass(frozen=True, slots=True)
class OneTime:
    """Whose it is; its ``repr`` does not tell the password."""

    username: str
    password: str = field(repr=False)


def keep(username: str, password: str) -> None:
    """Remember it for this tab's present page."""
    st.session_state[_KEY] = OneTime(username, password)


def forget(*, unless_username: str | None = None) -> None:
    """Drop it, because its page was left or it has been passed on."""
    found = st.session_state.get(_KEY)
    if isinstance(found, OneTime) and found.username != unless_username:
        del st.session_state[_KEY]


def show(username: str) -> bool:
    """The password that this user was just given, with a copy button; whether there is one."""
    found = st.session_state.get(_KEY)
    if not isinstance(found, OneTime) or found.username != username:
        return False
    elements.section("One-time password")
    elements.show(
        Markup(
            "<p>Pass it on by a way that only they read. It works for 72 hours and only to choose"
            " a password of their own. It is shown here this once.</p>"
        )
    )
    with st.container(key="one_time"):
        st.code(found.password, language=None)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(_COPY, width="content")
        st.button("I have passed it on", on_click=forget, key="one_time_done")
    return True
