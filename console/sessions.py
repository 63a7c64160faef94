"""Who is signed in: sessions in the console's own small SQLite file, apart from the database.

The cookie carries a random id; only its SHA-256 is stored, so a copy of the file opens nothing.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

from billing_core.errors import SettingsError
from console.settings import console_settings
from console.users import User

LIFETIME_SECONDS = 12 * 3600
_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id_hash TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    method TEXT NOT NULL,
    password_mark TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_sessions_username ON sessions (username);
CREATE TABLE IF NOT EXISTS last_sign_ins (
    username TEXT PRIMARY KEY,
    method TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    roles TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signin_failures (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at REAL NOT NULL
) WITHOUT ROWID;
"""

Method = Literal["password", "provider"]


@dataclass(frozen=True, slots=True)
class Session:
    """A live session: whose it is, and how they proved it.

    With a password: a mark of the one that it was opened with; roles are the file's. By the sign-in
    provider: the roles that its claims map to.
    """

    username: str
    method: Method
    name: str
    email: str
    password_mark: str = ""
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LastSignIn:
    """When somebody last signed in, and as whom."""

    session: Session
    at: datetime


class SessionStore:
    """The sessions file; made on first use, and shared by the pages and the gate."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prepare()

    def _prepare(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        with self._connected() as connection:
            # Connections come and go with each request; the last of them would delete a WAL beside
            # others that are just opening it, and few systems share that gracefully.
            connection.execute("PRAGMA journal_mode=TRUNCATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
                # Sessions of an older shape end: whoever had one signs in again.
                connection.executescript(
                    f"DROP TABLE IF EXISTS sessions; PRAGMA user_version = {_VERSION};"
                )
            connection.executescript(_TABLES)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode, closed afterwards. Raises SettingsError.

        A file that somebody has removed is made anew; everybody signs in again then.
        """
        try:
            if not self._path.exists():
                self._prepare()
            with self._connected() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(
                f"CONSOLE_SESSIONS names {self._path}, which cannot be used ({error}), so nobody"
                " can sign in or go on until it can."
            ) from error

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    def open(self, session: Session, lifetime_seconds: int = LIFETIME_SECONDS) -> str:
        """Start a session and answer the id for its cookie, kept nowhere else."""
        session_id = secrets.token_urlsafe(32)
        now = time.time()
        roles = ",".join(sorted(session.roles))
        known = (session.name, session.email, roles)
        with self.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _hash(session_id),
                    session.username,
                    session.method,
                    session.password_mark,
                    *known,
                    now,
                    now + lifetime_seconds,
                ),
            )
            connection.execute(
                "INSERT OR REPLACE INTO last_sign_ins VALUES (?, ?, ?, ?, ?, ?)",
                (session.username, session.method, *known, now),
            )
        return session_id

    def find(self, session_id: str | None) -> Session | None:
        """The live session of that id; None for an ended, expired, forged or malformed one."""
        if not session_id or len(session_id) > 128:
            return None
        with self.connection() as connection:
            row = connection.execute(
                "SELECT username, method, name, email, password_mark, roles FROM sessions"
                " WHERE id_hash = ? AND expires_at > ?",
                (_hash(session_id), time.time()),
            ).fetchone()
        return _session(*row) if row else None

    def close(self, session_id: str) -> None:
        """End a session for every tab and every copy of its cookie."""
        with self.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE id_hash = ?", (_hash(session_id),))

    def close_all(self, username: str) -> None:
        """End every session of somebody."""
        with self.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE username = ?", (username,))

    def forget(self, username: str) -> None:
        """End every session of somebody, and forget when they last signed in."""
        self.close_all(username)
        with self.connection() as connection:
            connection.execute("DELETE FROM last_sign_ins WHERE username = ?", (username,))

    def last_sign_ins(self) -> dict[str, LastSignIn]:
        """When everybody last signed in, by user name."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT at, username, method, name, email, '', roles FROM last_sign_ins"
            ).fetchall()
        return {
            row[1]: LastSignIn(_session(*row[1:]), datetime.fromtimestamp(row[0], UTC))
            for row in rows
        }


@lru_cache(maxsize=1)
def session_store() -> SessionStore:
    """The process's sessions file."""
    return SessionStore(console_settings().console_sessions)


def password_session(user: User) -> Session:
    """What a session of this user's is, once the password has matched."""
    return Session(user.username, "password", user.name, user.email, password_mark(user))


def password_mark(user: User) -> str:
    """Changes with the user's password, so that a new password ends the old sessions."""
    return _hash(user.password_hash)[:32]


def _session(username: str, method: str, name: str, email: str, mark: str, roles: str) -> Session:
    by: Method = "provider" if method == "provider" else "password"
    given = frozenset(role for role in roles.split(",") if role)
    return Session(username, by, name, email, mark, given)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
