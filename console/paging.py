"""Paging by where the last page ended, with the position in the address."""

import streamlit as st

_PARAMETER = "after"


def position() -> str | None:
    """Where this page begins; None for the first one."""
    return st.query_params.get(_PARAMETER)


def restart() -> None:
    """Begin anew, because what is searched for has changed."""
    if _PARAMETER in st.query_params:
        del st.query_params[_PARAMETER]


def controls(next_cursor: str | None) -> None:
    """Buttons to the first and to the next page, where there is one."""
    if next_cursor is None and position() is None:
        return
    with st.container(horizontal=True):
        st.button("First page", disabled=position() is None, on_click=restart, key="first_page")
        st.button(
            "Next page",
            disabled=next_cursor is None,
            on_click=_continue,
            args=(next_cursor,),
            key="next_page",
        )


def _continue(cursor: str) -> None:
    st.query_params[_PARAMETER] = cursor
