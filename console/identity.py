"""Who is at the screen: the one interface between sign-in and pages.

Asked afresh on every run and by every live area, so that whoever signed out, was removed or
changed role is seen as such at the next interaction.
"""

from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from billing_core.permissions import Permission, may
from console.sessions import SessionStore, password_mark
from console.settings import console_settings
from console.users import user_file


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody signed in, with the roles that the users' file gives them right now."""

    username: str
    name: str
    email: str
    roles: frozenset[str]

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles carries the permission."""
        return may(self.roles, permission)


@lru_cache(maxsize=1)
def session_store() -> SessionStore:
    """The process's sessions file."""
    return SessionStore(console_settings().console_sessions)


def cookie_name() -> str:
    """The session cookie's name; over https the browser itself then binds it to this host."""
    return "__Host-console_session" if console_settings().serves_https else "console_session"


def principal_of(session_id: str | None) -> Principal | None:
    """Whose session this is now; None once it ended or its user may no longer sign in.

    Raises SettingsError when the users' file cannot be read.
    """
    session = session_store().find(session_id)
    if session is None:
        return None
    user = user_file().find(session.username)
    if user is None or user.disabled or password_mark(user) != session.password_mark:
        return None
    return Principal(user.username, user.name, user.email, user.roles)


def current() -> Principal | None:
    """Who is signed in on this browser tab, or None."""
    return principal_of(st.context.cookies.get(cookie_name()))


def sign_out() -> None:
    """End this tab's session, and with it every tab and every copied cookie of it."""
    session_id = st.context.cookies.get(cookie_name())
    if session_id:
        session_store().close(session_id)
