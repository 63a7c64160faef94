"""Fixtures that every folder may ask for."""

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

# What a busy machine shows or answers late is not wrong; their own five seconds would say so.
expect.set_options(timeout=20_000)
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
