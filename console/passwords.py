"""Passwords, hashed and checked by streamlit-authenticator, at the same cost for every name."""

import secrets
from functools import lru_cache

from console.quiet import quietly
from console.user_rules import MAXIMUM_PASSWORD_BYTES
from console.users import User

# Its import looks at session state outside any run, which Streamlit would warn about at length.
with quietly():
    from streamlit_authenticator.utilities.hasher import Hasher


def hash_password(password: str) -> str:
    """The bcrypt hash of a password that ``checked_password`` has let through."""
    return str(Hasher.hash(password))


def generated_password() -> str:
    """Eighty random bits without the letters and digits that look alike."""
    return "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
        for _ in range(4)
    )


def password_matches(user: User | None, password: str) -> bool:
    """Whether the password is this user's.

    Nobody, a disabled user, one without a password and an over-long password cost one check too,
    so that the time taken does not tell which names exist.
    """
    fits = len(password.encode()) <= MAXIMUM_PASSWORD_BYTES and "\0" not in password
    known = user is not None and user.has_password
    stored = user.password_hash if user is not None and known else _nobodys_hash()
    try:
        matches = bool(Hasher.check_pw(password if fits else "", stored))
    except ValueError:
        matches = False
    return matches and fits and known and user is not None and not user.disabled


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return hash_password("a password that belongs to nobody")
