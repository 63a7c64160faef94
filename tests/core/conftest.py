"""What several of the core's tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.company import Company
from tests.core.stand_in import StandIn, stand_in


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "billing.sqlite3")


@pytest.fixture
def stripe_account(tmp_path: Path) -> Iterator[StandIn]:
    """An account whose portal was never set up."""
    with stand_in(tmp_path) as account:
        yield account


@pytest.fixture
def open_account(stripe_account: StandIn) -> StandIn:
    """An account whose portal offers everything, with two plans to switch between."""
    stripe_account.price("pro_monthly")
    stripe_account.price("team_monthly", 9900)
    stripe_account.control.save_default_configuration()
    return stripe_account
