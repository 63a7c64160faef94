"""One console process for most tests; each begins with nobody signed in and nothing counted."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.console.serving import ROLES, Console, running_console, write_users
from tests.console.stack import Stack, running_stack

# Two seconds, the first wait after wrong passwords, would be over before a busy machine asks again.
_WAITS_LAST = """
CREATE TRIGGER IF NOT EXISTS {0} AFTER {1} ON signin_failures BEGIN
    UPDATE signin_failures SET last_at = new.last_at + 60 WHERE subject = new.subject;
END
"""


@pytest.fixture(scope="session")
def console_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console in a folder with a space in its name."""
    with running_console(tmp_path_factory.mktemp("a console")) as running:
        yield running


@pytest.fixture
def console(console_process: Console) -> Console:
    """That console, with one user a role, as if it had just been set up; its waits last longer."""
    write_users(console_process.users, {role: role for role in ROLES})
    with closing(sqlite3.connect(console_process.sessions)) as connection, connection:
        connection.execute("DELETE FROM sessions")
        connection.execute("DELETE FROM signin_failures")
        for name, change in (("first", "INSERT"), ("further", "UPDATE OF failures")):
            connection.execute(_WAITS_LAST.format(name, change))
    return console_process


@pytest.fixture
def fresh_console(tmp_path: Path) -> Iterator[Console]:
    """A console process of this test's own."""
    with running_console(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stand-in Stripe and a listener, with a few customers."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
