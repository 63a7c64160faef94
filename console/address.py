"""What a list is narrowed to, kept in the page's address so that it can be shared and gone back to.

The address is the truth: whatever it says when a run begins is what the widgets show. Streamlit's
own ``bind`` would carry values over to other pages and write them into their addresses.
"""

from collections.abc import Collection

import streamlit as st

_POSITION = "after"


def hold(key: str, *, options: Collection[str] | None = None, default: str = "") -> str:
    """Give the widget ``key`` the address's value, or ``default`` for none or a senseless one."""
    value = st.query_params.get(key, default)
    if options is not None and value not in options:
        value = default
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return value


def write(key: str, default: str = "") -> None:
    """After the widget ``key`` has changed: put its value into the address, and begin anew."""
    value = str(st.session_state.get(key) or default)
    if value == default:
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = value
    restart()


def position() -> str | None:
    """Where this page of a list begins; None for the first one."""
    return st.query_params.get(_POSITION)


def restart() -> None:
    """Back to the first page."""
    st.query_params.pop(_POSITION, None)


def pages(next_cursor: str | None) -> None:
    """Buttons to the first and to the next page, where there is more than one."""
    if next_cursor is None and position() is None:
        return
    with st.container(horizontal=True):
        st.button("First page", disabled=position() is None, on_click=restart, key="first_page")
        st.button(
            "Next page",
            disabled=next_cursor is None,
            on_click=_go_on,
            args=(next_cursor,),
            key="next_page",
        )


def _go_on(cursor: str) -> None:
    st.query_params[_POSITION] = cursor
