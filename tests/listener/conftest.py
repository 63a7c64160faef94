"""A running listener, one for each module and database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.listener.stand_in import stand_in
from tests.support.databases import fresh_url
from tests.support.listener import Listener, reading

__all__ = ["Rows", "listener", "rows", "stand_in", "start"]

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def listener(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Listener]:
    """A listener that a module's tests share: each uses ids of its own."""
    folder = tmp_path_factory.mktemp("listener")
    running = Listener(fresh_url(backend, request, folder), folder / "listener.log")
    yield running
    running.stop()


@pytest.fixture
def rows(listener: Listener) -> Iterator[Rows]:
    """Reads the listener's database: SQL in, rows out."""
    with reading(listener.database_url) as read:
        yield read


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Listener]]:
    """Starts listeners of the test's own on one new database; all are stopped afterwards."""
    running: list[Listener] = []

    def _start(*, port: int = 0, **environment: str) -> Listener:
        log = tmp_path / f"listener-{len(running)}.log"
        made = Listener(database_url, log, port=port, **environment)
        running.append(made)
        return made

    yield _start
    for one in running:
        one.stop()
