"""What a user name, a name, an e-mail address, roles and a password must be like."""

import re

from billing_core.permissions import Role
from console.users import UserError

MAXIMUM_PASSWORD_BYTES = 72
MINIMUM_PASSWORD_LENGTH = 10
LONGEST_NAME = 100
LONGEST_EMAIL = 254
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}\Z")
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+\.[^\s@.]+\Z")


def checked_username(username: str) -> str:
    """The user name in lower case. Raises UserError."""
    lowered = username.strip().lower()
    if not _USERNAME.match(lowered):
        raise UserError(
            "A user name has up to 64 small letters, digits, dots, dashes or @, and starts with a"
            " letter or digit."
        )
    return lowered


def checked_name(name: str) -> str:
    """The full name in one line. Raises UserError."""
    shown = " ".join(name.split())
    if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
        raise UserError(f"A full name has 1 to {LONGEST_NAME} characters that can be shown.")
    return shown


def checked_email(email: str) -> str:
    """The e-mail address in lower case, or nothing where none is given. Raises UserError."""
    given = email.strip().lower()
    if given and (len(given) > LONGEST_EMAIL or not _EMAIL.match(given) or not given.isprintable()):
        raise UserError("An e-mail address looks like jane@example.com.")
    return given


def checked_roles(roles: str) -> frozenset[str]:
    """Comma-separated role names as a set. Raises UserError naming the ones that exist."""
    names = frozenset(part.strip().lower() for part in roles.split(",") if part.strip())
    known = {role.value for role in Role}
    if not names or names - known:
        raise UserError(f"Roles are: {', '.join(sorted(known))}. Name one or several, with commas.")
    return names


def checked_password(password: str, username: str = "") -> str:
    """The password, if bcrypt can hold it and it is not the user name. Raises UserError."""
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise UserError(f"A password has at least {MINIMUM_PASSWORD_LENGTH} characters.")
    if len(password.encode()) > MAXIMUM_PASSWORD_BYTES or "\0" in password:
        raise UserError(
            f"A password has at most {MAXIMUM_PASSWORD_BYTES} bytes: bcrypt ignores what follows."
        )
    if username and password.lower() == username.lower():
        raise UserError("A password must not be the user name.")
    return password
