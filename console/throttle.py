"""Guessing is slowed: after a few failures each further try must wait, a little longer each time.

Counted per user name, whether it exists or not, and per address; apart from both in a browser that
its user is known to use. Nobody is locked out for good: the wait is bounded, and a quiet half hour
forgets everything.
"""

import hashlib
import math
import sqlite3
import time

from console.sessions import SessionStore

TRIES_PER_NAME = 5
TRIES_PER_ADDRESS = 10  # colleagues may share an office's address
_FIRST_WAIT_SECONDS = 2.0
_LONGEST_WAIT_SECONDS = 300.0
_FORGET_AFTER_SECONDS = 1800.0


class Throttle:
    """The failures that were counted in the sessions file."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def begin(self, username: str, address: str, browser: str | None = None) -> int:
        """Count a try before it is checked; 0, or the seconds to wait when it is refused.

        ``browser`` is the id of one in which this user has signed in before.

        Counting first means that a hundred tries at once are not a hundred free tries.
        """
        now = time.time()
        limits = _limits(username, address, browser)
        with self._store.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            wait = max(_wait(connection, subject, tries, now) for subject, tries in limits)
            if wait <= 0:
                connection.execute(
                    "DELETE FROM signin_failures WHERE last_at < ?", (now - _FORGET_AFTER_SECONDS,)
                )
                connection.executemany(
                    "INSERT INTO signin_failures VALUES (?, 1, ?) ON CONFLICT (subject)"
                    " DO UPDATE SET failures = failures + 1, last_at = excluded.last_at",
                    [(subject, now) for subject, _ in limits],
                )
            connection.execute("COMMIT")
        return math.ceil(wait) if wait > 0 else 0

    def succeeded(self, username: str, address: str, browser: str | None = None) -> None:
        """Forget the name's failures, and take this try back off the address."""
        (name, _), *places = _limits(username, address, browser)
        with self._store.connection() as connection:
            connection.execute("DELETE FROM signin_failures WHERE subject = ?", (name,))
            connection.executemany(
                "UPDATE signin_failures SET failures = max(failures - 1, 0) WHERE subject = ?",
                [(place,) for place, _ in places],
            )


def _limits(username: str, address: str, browser: str | None) -> tuple[tuple[str, int], ...]:
    if browser is not None:
        return ((f"browser:{browser}", TRIES_PER_NAME),)
    name = hashlib.sha256(username.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()
    return (f"name:{name}", TRIES_PER_NAME), (f"address:{address}", TRIES_PER_ADDRESS)


def _wait(connection: sqlite3.Connection, subject: str, tries: int, now: float) -> float:
    row: tuple[int, float] | None = connection.execute(
        "SELECT failures, last_at FROM signin_failures WHERE subject = ?", (subject,)
    ).fetchone()
    if row is None or row[0] < tries or now - row[1] > _FORGET_AFTER_SECONDS:
        return 0.0
    delay = min(_FIRST_WAIT_SECONDS * 2.0 ** min(row[0] - tries, 16), _LONGEST_WAIT_SECONDS)
    return row[1] + delay - now
