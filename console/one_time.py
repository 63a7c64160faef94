"""A one-time password that was just given, kept for as long as its user's page is looked at."""

from dataclasses import dataclass, field

import streamlit as st
from markupsafe import Markup

from console import elements, held

_COPY = (
    '<button type="button" class="bc-copy" data-copy=".st-key-one_time code">Copy password</button>'
)


@dataclass(frozen=True, slots=True)
class OneTime:
    """Whose it is; its ``repr`` does not tell the password."""

    username: str
    password: str = field(repr=False)


def place() -> list[OneTime]:
    """Where it is kept for this tab's present page; to be taken before it is given."""
    return held.place("one_time_password", OneTime)


def forget(*, unless_username: str | None = None) -> None:
    """Drop it, because its page was left or it has been passed on."""
    held.let_go(place(), unless=lambda each: each.username == unless_username)


def show(username: str) -> bool:
    """The password that this user was just given, with a copy button; whether there is one."""
    found = next((each for each in place() if each.username == username), None)
    if found is None:
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
