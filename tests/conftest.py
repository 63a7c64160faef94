"""Fixtures that every folder may ask for."""

from tests.support.databases import (
    backend,
    database_url,
    engine,
    postgresql_server,
    sqlite_template,
)

__all__ = ["backend", "database_url", "engine", "postgresql_server", "sqlite_template"]
