"""Fixtures that every folder may ask for, and which file is run first."""

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import expect

from tests.support.browser import browser
from tests.support.databases import (
    backend,
    database_url,
    engine,
    postgresql_server,
    sqlite_template,
)

__all__ = ["backend", "browser", "database_url", "engine", "postgresql_server", "sqlite_template"]

HERE = Path(__file__).parent
# `make test` gives each process whole files. What takes longest begins first, or it would end last,
# with nothing left for the others to do.
LONGEST_FIRST = (
    "console/test_every_page.py",
    "projection/test_order.py",
    "console/test_browser.py",
    "e2e/test_round_trip.py",
    "listener/test_crash.py",
    "console/test_users_page.py",
    "console/test_single_sign_on.py",
    "console/test_signin.py",
    "console/test_pages.py",
    "listener/test_missed_long.py",
    "sandbox/test_seed.py",
    "test_import_rules.py",
)

# What is imported and collected stays, and looking for garbage in it took a quarter of that time.
gc.set_threshold(50_000, 20, 20)
# What a busy machine shows or answers late is not wrong; their own five seconds would say so.
expect.set_options(timeout=20_000)
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    places = {HERE / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
