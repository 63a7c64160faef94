"""What an action leaves for its page to show, kept so that none of it gets lost.

Whatever is clicked meanwhile, Streamlit starts the next run at once, beside the one that still acts
(``runner.fastReruns``); that one ends where it touches Streamlit next. So whoever acts takes
the place for what comes of it first: touched afterwards, it would be known to nobody. And a second
press of the same button, whose run cannot see yet what the first will leave, must wait for it.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast
from uuid import uuid4

import streamlit as st

T = TypeVar("T")
_A_MOMENT = 10


def place(key: str, of: type[T]) -> list[T]:  # noqa: ARG001 - says what the caller keeps there
    """Where this tab keeps at most one thing: an ordinary list, empty or of one."""
    return cast("list[T]", st.session_state.setdefault(key, []))


def once(wish: tuple[str, ...], act: Callable[[], T]) -> T:
    """What ``act`` returns. The same wish of the same tab within a moment is a second press.

    It waits for the first and gets what came of it. Where ``act`` raises, nothing is remembered.
    """
    tab = st.session_state.setdefault("tab", uuid4().hex)
    return cast("T", _once((tab, *wish), act))


def begin_anew() -> None:
    """From now on the same wish is meant: its page has been shown what came of it, and put it aside."""
    st.session_state.pop("tab", None)


@st.cache_resource(ttl=_A_MOMENT, max_entries=1_000, show_spinner=False)
def _once(wish: tuple[str, ...], _act: Callable[[], Any]) -> Any:  # noqa: ANN401, ARG001 - of any kind; the wish is the key
    return _act()
