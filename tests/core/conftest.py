"""What several of the core's tests start from."""

from pathlib import Path

import pytest

from tests.core.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "billing.sqlite3")
