"""Everybody who may sign in or has: the users' file, and whoever came through the provider."""

from dataclasses import dataclass
from datetime import datetime

from console.sessions import LastSignIn, Method, session_store
from console.users import User, user_file


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the Users page; ``in_file`` is false for who is known from the provider alone.

    ``roles`` are what the file gives; ``provider_roles`` what the claims gave at the last sign-in.
    """

    username: str
    name: str
    email: str
    method: Method
    roles: frozenset[str]
    provider_roles: frozenset[str]
    disabled: bool
    one_time_until: datetime | None
    last_sign_in: datetime | None
    in_file: bool

    def matches(self, text: str) -> bool:
        """Whether a part of the name, the user name or the e-mail address is ``text``."""
        wanted = text.strip().casefold()
        return any(wanted in part.casefold() for part in (self.name, self.username, self.email))


def people() -> list[Person]:
    """Everybody, by name. Raises SettingsError when the users' file cannot be read."""
    users = user_file().users()
    last = session_store().last_sign_ins()
    listed = [_from_file(user, last.get(name)) for name, user in users.items()]
    provided = [
        _from_provider(sign_in)
        for name, sign_in in last.items()
        if name not in users and sign_in.session.method == "provider"
    ]
    return sorted([*listed, *provided], key=lambda each: (each.name.casefold(), each.username))


def person(username: str) -> Person | None:
    """One of them."""
    return next((each for each in people() if each.username == username.strip().lower()), None)


def _from_file(user: User, last: LastSignIn | None) -> Person:
    provided = last is not None and last.session.method == "provider"
    return Person(
        username=user.username,
        name=user.name,
        email=user.email,
        method="password" if user.has_password else "provider",
        roles=user.roles,
        provider_roles=last.session.roles if last is not None and provided else frozenset(),
        disabled=user.disabled,
        one_time_until=user.one_time_until,
        last_sign_in=last.at if last is not None else None,
        in_file=True,
    )


def _from_provider(last: LastSignIn) -> Person:
    return Person(
        username=last.session.username,
        name=last.session.name,
        email=last.session.email,
        method="provider",
        roles=frozenset(),
        provider_roles=last.session.roles,
        disabled=False,
        one_time_until=None,
        last_sign_in=last.at,
        in_file=False,
    )
