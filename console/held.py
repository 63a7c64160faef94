"""What an action leaves for its page to show, kept so that none of it gets lost.

Wherever ``st.session_state`` is touched, Streamlit may end the run because the button was pressed
once more meanwhile. Were it touched after the action, the second press would do everything again,
and what came of the first would be known to nobody. So whoever acts takes the place first.
"""

from typing import TypeVar, cast

import streamlit as st

T = TypeVar("T")


def place(key: str, of: type[T]) -> list[T]:  # noqa: ARG001 - says what the caller keeps there
    """Where this tab keeps at most one thing: an ordinary list, empty or of one."""
    return cast("list[T]", st.session_state.setdefault(key, []))
