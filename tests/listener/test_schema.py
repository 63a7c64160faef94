"""The schema's history: up, down, and what the tables say."""

import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Engine, Table, inspect, select, text
from sqlmodel import SQLModel

from billing_core.tables import UTCDateTime
from webhook_listener import schema
from webhook_listener.errors import SchemaError

# What each database has of its own to find fragments of names by; no table says it.
SEARCH = {
    "sqlite": {
        "organization_search",
        "organization_trigrams",
        "organization_trigrams_config",
        "organization_trigrams_data",
        "organization_trigrams_idx",
        "organization_trigram_terms",
        "organization_search_made",
        "organization_search_changed",
        "organization_search_gone",
    },
    "postgresql": {
        "ix_organizations_fragments",
        "ix_organizations_name_begins",
        "ix_organizations_org_id_begins",
    },
}


def test_the_migrated_schema_is_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection, warnings.catch_warnings():
        # Neither SQLite's nor PostgreSQL's indexes on lower(…) can be compared.
        warnings.simplefilter("ignore")
        own = SEARCH[engine.dialect.name]
        opts = {"compare_type": True, "include_object": lambda _, name, *_rest: name not in own}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_each_database_has_what_fragments_are_found_by(engine: Engine) -> None:
    names = "SELECT name FROM sqlite_master"
    if engine.dialect.name == "postgresql":
        names = "SELECT indexname FROM pg_indexes"
    with engine.connect() as connection:
        assert SEARCH[engine.dialect.name] <= set(connection.execute(text(names)).scalars())


def test_every_index_of_the_tables_exists(engine: Engine) -> None:
    """Indexes on expressions too, which the comparison above leaves out."""
    found = inspect(engine)
    for table in SQLModel.metadata.sorted_tables:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = {index["name"] for index in found.get_indexes(table.name)}
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(f"PRAGMA index_list({table.name})")
                there |= {row[1] for row in rows}
        assert {index.name for index in table.indexes} <= there


def test_migrating_down_leaves_no_table_and_up_again_works(engine: Engine) -> None:
    schema.migrate_down(engine, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    with engine.connect() as connection, pytest.raises(SchemaError, match="migrate"):
        schema.require_head(connection)
    schema.migrate(engine)
    with engine.connect() as connection:
        schema.require_head(connection)


def test_the_version_that_is_needed_is_where_the_line_of_migrations_ends() -> None:
    assert ScriptDirectory(str(schema.FOLDER)).get_heads() == [schema.head()]


_KEPT = ("organizations", "customers", "subscriptions", "prices", "products", "plan_entitlements")
_HISTORY = ("entitlement_changes", "webhook_events", "webhook_payloads", "audit_log", "drift")
_LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_value(column: Column[Any]) -> object:
    """Something of the column's type."""
    if column.name == "outcome":
        return "applied"
    if isinstance(column.type, UTCDateTime):
        return _LONG_AGO
    if isinstance(column.type, JSON):
        return dict.fromkeys(("status", "plan", "price_id", "quantity", "has_access"))
    some: dict[type, object] = {bool: False, int: 1, bytes: b"x"}
    return some.get(column.type.python_type, f"some {column.name}")


def a_row(table: Table) -> dict[str, object]:
    return {column.name: a_value(column) for column in table.columns}


def test_every_step_down_and_up_again_keeps_the_rows(engine: Engine) -> None:
    """Of each table that the first version had, every row and every value."""
    tables = {table.name: table for table in SQLModel.metadata.sorted_tables}
    with engine.begin() as connection:
        for table in tables.values():
            connection.execute(table.insert(), a_row(table))

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with engine.connect() as connection:
            return {
                name: [tuple(row) for row in connection.execute(select(tables[name]))]
                for name in (*_KEPT, *_HISTORY)
            }

    before = rows()
    assert all(len(found) == 1 for found in before.values())
    script = ScriptDirectory(str(schema.FOLDER))
    for version in [step.revision for step in script.walk_revisions()][1:]:
        schema.migrate_down(engine, version)
        with engine.connect() as connection:
            assert schema.current(connection) == version
        schema.migrate(engine)
        assert rows() == before
