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
from pathlib import Path

from console.users import User

LIFETIME_SECONDS = 12 * 3600
_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id_hash TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    password_mark TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS signin_failures (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at REAL NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session: whose it is, and a mark of the password it was opened with."""

    username: str
    password_mark: str


class SessionStore:
    """The sessions file; made on first use, and shared by the pages and the gate."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with self.connection() as connection:
            # Connections come and go with each request; the last of them would delete a WAL beside
            # others that are just opening it, and few systems share that gracefully.
            connection.execute("PRAGMA journal_mode=TRUNCATE")
            connection.executescript(_TABLES)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection in autocommit mode, closed afterwards."""
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    def open(self, user: User) -> str:
        """Start a session for ``user`` and answer the id for its cookie, kept nowhere else."""
        session_id = secrets.token_urlsafe(32)
        now = time.time()
        with self.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE expires_at < ?", (now,))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
                (
                    _hash(session_id),
                    user.username,
                    password_mark(user),
                    now,
                    now + LIFETIME_SECONDS,
                ),
            )
        return session_id

    def find(self, session_id: str | None) -> Session | None:
        """The live session of that id; None for an ended, expired, forged or malformed one."""
        if not session_id or len(session_id) > 128:
            return None
        with self.connection() as connection:
            row = connection.execute(
                "SELECT username, password_mark FROM sessions WHERE id_hash = ? AND expires_at > ?",
                (_hash(session_id), time.time()),
            ).fetchone()
        return Session(*row) if row else None

    def close(self, session_id: str) -> None:
        """End a session for every tab and every copy of its cookie."""
        with self.connection() as connection:
            connection.execute("DELETE FROM sessions WHERE id_hash = ?", (_hash(session_id),))


def password_mark(user: User) -> str:
    """Changes with the user's password, so that a new password ends the old sessions."""
    return _hash(user.password_hash)[:32]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
