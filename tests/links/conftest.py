"""One stage for each module and database: every test uses organizations of its own."""

from collections.abc import Iterator

import pytest

from tests.links.stage import Stage, set_up
from tests.support.databases import fresh_url


@pytest.fixture(scope="module")
def stage(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A listener and a stand-in Stripe, on each kind of database."""
    folder = tmp_path_factory.mktemp("links")
    with set_up(fresh_url(backend, request, folder), folder) as running:
        yield running
