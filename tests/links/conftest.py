"""One stage for each kind of database, shared by all: every test uses organizations of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.links.stage import Stage, set_up
from tests.support.databases import fresh_url


@pytest.fixture(scope="session")
def stages(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str, pytest.FixtureRequest], Stage]]:
    """Gives the stage for a kind of database, set up when it is first asked for."""
    with ExitStack() as stack:
        ready: dict[str, Stage] = {}

        def stage_on(backend: str, request: pytest.FixtureRequest) -> Stage:
            if backend not in ready:
                folder = tmp_path_factory.mktemp("links")
                url = fresh_url(backend, request, folder)
                ready[backend] = stack.enter_context(set_up(url, folder))
            return ready[backend]

        yield stage_on


@pytest.fixture(scope="module")
def stage(
    backend: str,
    request: pytest.FixtureRequest,
    stages: Callable[[str, pytest.FixtureRequest], Stage],
) -> Stage:
    """A listener and a stand-in Stripe, on each kind of database."""
    return stages(backend, request)
