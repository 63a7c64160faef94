"""Fixtures that every folder may ask for."""

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

# What a busy machine shows late is not wrong; Playwright's own five seconds would say so.
expect.set_options(timeout=20_000)
