"""A fresh sandbox for each test of the configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import running
from sandbox.settings import Settings
from tests.configuration.account import Account


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    settings = Settings(
        _env_file=None,
        state=tmp_path / "sandbox.sqlite3",
        webhook_url="http://127.0.0.1:9/webhooks/stripe",
        webhook_secret="whsec_a_secret_of_the_tests_alone",
        retry_seconds=60,
    )
    with running(settings) as sandbox:
        yield Account(sandbox.url)
