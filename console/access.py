"""What stands between a page and somebody who may not see it."""

from typing import NoReturn
from urllib.parse import urlencode, urlsplit

import streamlit as st
from markupsafe import Markup

from billing_core.permissions import Permission
from console import elements, identity
from console.identity import Principal
from console.labels import role_names


def require(permission: Permission) -> Principal:
    """Who is signed in, if their role may see this; otherwise a sentence, and nothing after it."""
    principal = identity.current()
    if principal is None:
        signed_out()
    if not principal.may(permission):
        elements.page_heading("Not for your role")
        elements.notice(
            f"Your role ({role_names(principal.roles)}) does not include this page."
            " An administrator can change that.",
            "warn",
        )
        st.stop()
    return principal


def signed_out() -> NoReturn:
    """Say that the session has ended, with the way back to this very page, and nothing else."""
    elements.page_heading("You have been signed out")
    query = urlencode({"next": _here()})
    elements.show(
        Markup('<p>Nothing was lost. <a href="/signin?{}">Sign in again</a></p>').format(query)
    )
    st.stop()


def _here() -> str:
    url = urlsplit(st.context.url or "/")
    query = urlencode(st.query_params.to_dict())
    return f"{url.path or '/'}{f'?{query}' if query else ''}"
