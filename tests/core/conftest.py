"""What several of the core's tests start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.company import Company, company_on
from tests.core.stand_in import StandIn, stand_in
from tests.support.databases import fresh_sqlite


@pytest.fixture
def company(database_url: str) -> Iterator[Company]:
    """An empty company, on SQLite and on PostgreSQL."""
    made = company_on(database_url)
    yield made
    made.reader.dispose()
    made.engine.dispose()


@pytest.fixture
def stripe_account(tmp_path: Path, sqlite_template: Path) -> Iterator[StandIn]:
    """An account whose portal was never set up."""
    made = company_on(fresh_sqlite(tmp_path, sqlite_template))
    with stand_in(tmp_path, made) as account:
        yield account
    made.engine.dispose()


@pytest.fixture
def open_account(stripe_account: StandIn) -> StandIn:
    """An account whose portal offers everything, with two plans to switch between."""
    stripe_account.price("pro_monthly")
    stripe_account.price("team_monthly", 9900)
    stripe_account.control.save_default_configuration()
    return stripe_account
