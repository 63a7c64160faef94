"""What is looked for where somebody pasted more than a search takes."""

import re

import streamlit as st
from markupsafe import Markup

from billing_core.queries.search import MAXIMUM_LENGTH
from console import elements

# An e-mail address, or an id as Stripe makes them; an account's is in many addresses of Stripe's.
_NAMED = re.compile(
    r"[^\s<>()\[\],;:\"'@]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|\b(?!acct_)[a-z]{2,10}_(?=\w*\d)[A-Za-z0-9_]{4,}"
)
_LOOKED_THROUGH = 20_000
_SHORTENED = "search_shortened"


def searched(text: str) -> str:
    """All of a text that is short enough, else the first address or id in it, else how it begins.

    ``tell`` says on the same page or the next what a longer one was shortened to.
    """
    st.session_state.pop(_SHORTENED, None)
    if len(text) <= MAXIMUM_LENGTH:
        return text
    named = _NAMED.search(text[:_LOOKED_THROUGH])
    found = " ".join((named.group() if named else text)[:MAXIMUM_LENGTH].split())
    st.session_state[_SHORTENED] = found
    return found


def shortened() -> bool:
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
