"""The file of users: streamlit-authenticator's credentials format, bcrypt hashes, one lock.

Roles and ``disabled`` are read afresh whenever the file has changed, so that whoever is removed is
out at the next interaction.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from billing_core.errors import SettingsError
from billing_core.permissions import Role
from console.settings import console_settings

Entries = dict[str, dict[str, Any]]
NO_PASSWORD = "!"  # noqa: S105 - what stands in the file where there is none


class UserError(ValueError):
    """A change to the users that cannot be made; the message says why, for the person."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in; ``password_hash`` is bcrypt's and stays out of ``repr``.

    A password with ``one_time_until`` opens nothing but the page on which it is replaced, and that
    until then. Whoever has no password comes through the sign-in provider.
    """

    username: str
    name: str
    email: str
    roles: frozenset[str]
    disabled: bool
    password_hash: str
    one_time_until: datetime | None = None

    @property
    def has_password(self) -> bool:
        """Whether there is a password to sign in with."""
        return self.password_hash.startswith("$2")

    @property
    def keeps_the_door(self) -> bool:
        """Whether this is an administrator who can sign in and let others in."""
        return (
            Role.ADMIN in self.roles
            and not self.disabled
            and self.has_password
            and self.one_time_until is None
        )

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

    def change(self, edit: Callable[[Entries], None]) -> None:
        """Apply ``edit`` to the raw entries and replace the file in one step, mode 0600.

        Raises UserError, with nothing written, from ``edit`` or where no administrator would be
        left; SettingsError when the file is unreadable.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._exclusive():
                document = self._edited(edit)
                _replace(self.path, yaml.safe_dump(document, allow_unicode=True, sort_keys=True))
        except OSError as error:
            raise SettingsError(
                f"CONSOLE_USERS names {self.path}, which cannot be written"
                f" ({error.strerror or error}). Nothing was changed."
            ) from None

    def check(self, edit: Callable[[Entries], None]) -> None:
        """Raise what ``change`` would raise now, and change nothing."""
        self._edited(edit)

    def _edited(self, edit: Callable[[Entries], None]) -> dict[str, Any]:
        document = self._read() if self.path.exists() else {}
        before = _parse(document)
        edited = deepcopy(document)
        credentials = edited.setdefault("credentials", {})
        edit(credentials.setdefault("usernames", {}))
        _refuse_lockout(before, _parse(edited))
        return edited

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


def _refuse_lockout(before: Mapping[str, User], after: Mapping[str, User]) -> None:
    """An administrator who has yet to replace a one-time password may never do so."""
    keepers = [user.username for user in before.values() if user.keeps_the_door]
    if keepers and not any(user.keeps_the_door for user in after.values()):
        raise UserError(
            f"{keepers[0]} is the last administrator who can sign in, so this would lock everybody"
            " out; nothing was changed. Let somebody else be an administrator first, with a"
            " password of their own."
        )


def _user(username: str, raw: dict[str, Any]) -> User:
    parts = (raw.get("first_name"), raw.get("last_name"))
    full_name = " ".join(str(part) for part in parts if part) or str(raw.get("name") or username)
    roles = raw.get("roles") or []
    one_time_until = raw.get("one_time_until")
    return User(
        username=username,
        name=full_name,
        email=str(raw.get("email") or ""),
        roles=frozenset(str(role) for role in ([roles] if isinstance(roles, str) else roles)),
        disabled=bool(raw.get("disabled", False)),
        password_hash=str(raw["password"]),
        one_time_until=_aware(str(one_time_until)) if one_time_until else None,
    )


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _replace(path: Path, text: str) -> None:
    path = path.resolve()  # what a symbolic link leads to, not the link
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
