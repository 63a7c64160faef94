"""What is looked for where somebody pasted more than a search takes."""

import streamlit as st
from markupsafe import Markup

from billing_core.queries.search import MAXIMUM_LENGTH, shortened
from console import elements

_SHORTENED = "search_shortened"


def searched(text: str) -> str:
    """What is looked for; ``tell`` says on the same page or the next if that is not all of it."""
    st.session_state.pop(_SHORTENED, None)
    found = shortened(text)
    if found != text:
        st.session_state[_SHORTENED] = found
    return found


def was_shortened() -> bool:
    """Whether what was pasted last was longer than what is looked for."""
    return _SHORTENED in st.session_state


def tell(text: str) -> None:
    """Say that ``text``, which is looked for, is not all that was pasted, where that is so."""
    if text and st.session_state.get(_SHORTENED) == text:
        elements.notice(
            Markup("More than {} characters were pasted, so only this was looked for: {}").format(
                MAXIMUM_LENGTH, elements.untrusted(text)
            )
        )
