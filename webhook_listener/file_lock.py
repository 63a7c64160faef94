"""Locks between the processes that write one SQLite file, each a file of its own beside it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine


@contextmanager
def file_lock(engine: Engine, name: str) -> Iterator[None]:
    """Wait until no other process or thread holds ``name`` of this database, and hold it.

    The kernel lets go of it when its holder dies. Does nothing on PostgreSQL, which has locks of
    its own, and on a database in memory. Never lock the database's own file like this: closing
    it would take SQLite's locks away. Raises OSError where the file cannot be made.
    """
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database:
        yield
        return
    path = f"{os.path.realpath(database)}-{name}"
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
