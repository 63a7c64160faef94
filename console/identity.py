"""Who is at the screen: the one interface between sign-in and pages.

Asked afresh on every run and by every live area, so that whoever signed out, was removed or
changed role is seen as such at the next interaction. However somebody signed in, only a session of
our own counts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from billing_core.permissions import Permission, may
from console.sessions import Method, Session, password_mark, session_store
from console.settings import console_settings
from console.users import User, user_file


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody signed in, with the roles that they have right now."""

    username: str
    name: str
    email: str
    roles: frozenset[str]
    method: Method = "password"

    def may(self, permission: Permission) -> bool:
        """Whether one of the roles carries the permission."""
        return may(self.roles, permission)


def cookie_name() -> str:
    """The session cookie's name; over https the browser itself then binds it to this host."""
    return "__Host-console_session" if console_settings().serves_https else "console_session"


def principal_of(session_id: str | None) -> Principal | None:
    """Whose session this is now; None once it ended or its user may no longer sign in.

    Whoever has yet to replace a one-time password is nobody. Raises SettingsError when the users'
    file cannot be read.
    """
    session = session_store().find(session_id)
    if session is None:
        return None
    if session.method == "provider":
        return provided(session)
    user = _user_of(session)
    if user is None or user.one_time_until is not None:
        return None
    return Principal(user.username, user.name, user.email, user.roles)


def newcomer_of(session_id: str | None) -> User | None:
    """Whose session this is, if they have yet to replace a one-time password and still can.

    Raises SettingsError when the users' file cannot be read.
    """
    session = session_store().find(session_id)
    user = _user_of(session) if session is not None and session.method == "password" else None
    if user is None or user.one_time_until is None or user.one_time_until <= datetime.now(UTC):
        return None
    return user


def provided(session: Session) -> Principal | None:
    """Who came through the provider, with the roles of its claims and of the users' file.

    None where they have no role, were disabled, or no provider is configured any more.
    """
    if console_settings().oidc() is None:
        return None
    user = user_file().find(session.username)
    if user is not None and user.disabled:
        return None
    roles = session.roles | (user.roles if user is not None else frozenset())
    if not roles:
        return None
    return Principal(session.username, session.name, session.email, roles, "provider")


def _user_of(session: Session) -> User | None:
    if not console_settings().console_password_sign_in:
        return None
    user = user_file().find(session.username)
    if user is None or user.disabled or password_mark(user) != session.password_mark:
        return None
    return user


def current() -> Principal | None:
    """Who is signed in on this browser tab, or None."""
    return principal_of(st.context.cookies.get(cookie_name()))


def sign_out() -> None:
    """End this tab's session, and with it every tab and every copied cookie of it."""
    session_id = st.context.cookies.get(cookie_name())
    if session_id:
        session_store().close(session_id)
