"""The file of users: streamlit-authenticator's credentials format, bcrypt hashes, one lock.

Roles and ``disabled`` are read afresh whenever the file has changed, so that whoever is removed is
out at the next interaction.
"""

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from billing_core.errors import SettingsError
from billing_core.permissions import Role
from console.settings import console_settings

MAXIMUM_PASSWORD_BYTES = 72
MINIMUM_PASSWORD_LENGTH = 10
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}\Z")


class UserError(ValueError):
    """A change to the users that cannot be made; the message says why, for the person."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in; ``password_hash`` is bcrypt's and stays out of ``repr``."""

    username: str
    name: str
    email: str
    roles: frozenset[str]
    disabled: bool
    password_hash: str

    def __repr__(self) -> str:
        return f"User({self.username!r}, roles={sorted(self.roles)!r}, disabled={self.disabled})"


class UserFile:
    """The users in one YAML file; a missing file holds nobody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._users: Mapping[str, User] = {}

    def users(self) -> Mapping[str, User]:
        """Everybody by user name. Raises SettingsError when the file cannot be read."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            if stamp != self._stamp:
                self._users = _parse(self._read())
                self._stamp = stamp
            return self._users

    def find(self, username: str) -> User | None:
        """The user of that name, whatever its case, or None."""
        return self.users().get(username.strip().lower())

    def change(self, edit: Callable[[dict[str, dict[str, Any]]], None]) -> None:
        """Apply ``edit`` to the raw entries and replace the file in one step, mode 0600.

        Raises UserError from ``edit`` with nothing written; SettingsError when unreadable.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._exclusive():
            document = self._read() if self.path.exists() else {}
            entries = document.setdefault("credentials", {}).setdefault("usernames", {})
            edit(entries)
            _parse(document)
            _replace(self.path, yaml.safe_dump(document, allow_unicode=True, sort_keys=True))

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        lock_path = self.path.with_name(self.path.name + ".lock")
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> dict[str, Any]:
        try:
            document = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            raise SettingsError(
                f"CONSOLE_USERS names {self.path}, which cannot be read as YAML."
                " Nobody can sign in until it is mended."
            ) from None
        if not isinstance(document, dict):
            raise SettingsError(
                f"CONSOLE_USERS names {self.path}, which does not hold"
                " streamlit-authenticator's credentials."
            )
        return document


@lru_cache(maxsize=1)
def user_file() -> UserFile:
    """The process's users: the file that CONSOLE_USERS names."""
    return UserFile(console_settings().console_users)


def entry(*, name: str, email: str, roles: frozenset[str], password_hash: str) -> dict[str, Any]:
    """A user's entry as the file keeps it."""
    first, _, last = name.strip().partition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "email": email,
        "roles": sorted(roles),
        "password": password_hash,
    }


def checked_username(username: str) -> str:
    """The user name in lower case. Raises UserError."""
    lowered = username.strip().lower()
    if not _USERNAME.match(lowered):
        raise UserError(
            "A user name has up to 64 small letters, digits, dots, dashes or @, and starts with a"
            " letter or digit."
        )
    return lowered


def checked_roles(roles: str) -> frozenset[str]:
    """Comma-separated role names as a set. Raises UserError naming the ones that exist."""
    names = frozenset(part.strip().lower() for part in roles.split(",") if part.strip())
    known = {role.value for role in Role}
    if not names or names - known:
        raise UserError(f"Roles are: {', '.join(sorted(known))}. Name one or several, with commas.")
    return names


def checked_password(password: str) -> str:
    """The password, if bcrypt can hold it. Raises UserError."""
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise UserError(f"A password has at least {MINIMUM_PASSWORD_LENGTH} characters.")
    if len(password.encode()) > MAXIMUM_PASSWORD_BYTES or "\0" in password:
        raise UserError(
            f"A password has at most {MAXIMUM_PASSWORD_BYTES} bytes: bcrypt ignores what follows."
        )
    return password


def _parse(document: dict[str, Any]) -> Mapping[str, User]:
    try:
        entries = (document.get("credentials") or {}).get("usernames") or {}
        return {
            str(username).lower(): _user(str(username).lower(), dict(raw))
            for username, raw in entries.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SettingsError(
            "The users' file does not hold streamlit-authenticator's credentials: each user needs"
            " a password hash, and roles as a list."
        ) from None


def _user(username: str, raw: dict[str, Any]) -> User:
    parts = (raw.get("first_name"), raw.get("last_name"))
    full_name = " ".join(str(part) for part in parts if part) or str(raw.get("name") or username)
    roles = raw.get("roles") or []
    return User(
        username=username,
        name=full_name,
        email=str(raw.get("email") or ""),
        roles=frozenset(str(role) for role in ([roles] if isinstance(roles, str) else roles)),
        disabled=bool(raw.get("disabled", False)),
        password_hash=str(raw["password"]),
    )


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
