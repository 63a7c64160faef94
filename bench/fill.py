"""Databases that hold a history already: ten thousand events, or any multiple of that.

The first ten thousand, of a thousand orgs, go through the listener's own inbox and projection.
More are copies of their rows, made inside the database under ids of their own; prices, products
and roll-ups are not copied. Indexes are built after the copying, because that is quicker.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, String, Table, func, select, text
from sqlalchemy import column as bare_column
from sqlalchemy import table as bare_table
from sqlmodel import AutoString, SQLModel

from bench.events import FIRST_LIVE, TEMPLATE_COPY, TEMPLATE_EVENTS, bodies, template_bodies
from billing_core.config import load_config
from billing_core.settings import ROOT
from webhook_listener.apply import apply_round
from webhook_listener.database import derived_transaction, writer_engine
from webhook_listener.inbox import Audience, store
from webhook_listener.receive import read_delivery

_OURS = Audience(livemode=False, account=None)
_COPIES_A_COMMIT = 10
_EVENTS_A_COMMIT = 1_000
_COPIED = (
    "customers",
    "organizations",
    "subscriptions",
    "plan_entitlements",
    "entitlement_changes",
    "cancellations",
    "webhook_events",
    "webhook_payloads",
)


def fill(url: str, events: int) -> float:
    """Store ``events`` (a multiple of 10,000) in a migrated database; the seconds it took."""
    began = time.monotonic()
    engine = writer_engine(url)
    _store_template(engine)
    if events > TEMPLATE_EVENTS:
        _multiply(engine, events // TEMPLATE_EVENTS)
    _settle(engine)
    engine.dispose()
    return time.monotonic() - began


def leave_pending(url: str, events: int) -> None:
    """Store ``events`` new ones that nothing has projected yet."""
    engine = writer_engine(url)
    _store(engine, bodies(events, first=FIRST_LIVE))
    engine.dispose()


def _store(engine: Engine, events: Iterable[bytes]) -> None:
    now = time.time()
    waiting = [read_delivery(body, _OURS, now=now) for body in events]
    for start in range(0, len(waiting), _EVENTS_A_COMMIT):
        with derived_transaction(engine) as connection:
            store(connection, waiting[start : start + _EVENTS_A_COMMIT])


def _store_template(engine: Engine) -> None:
    config = load_config(ROOT / "billing.toml")
    _store(engine, template_bodies())
    while apply_round(engine, config, now=datetime.now(UTC)).full:
        pass


def _multiply(engine: Engine, copies: int) -> None:
    tables = [SQLModel.metadata.tables[name] for name in _COPIED]
    indexes = [index for table in tables for index in table.indexes]
    with engine.connect() as connection:  # one connection, because the templates are its own
        with connection.begin():
            for index in indexes:
                index.drop(connection)
            for table in tables:
                made = f"CREATE TEMPORARY TABLE template_{table.name} AS SELECT * FROM {table.name}"  # noqa: S608 - our own names
                connection.execute(text(made))
        for first in range(1, copies, _COPIES_A_COMMIT):
            with connection.begin():
                for copy in range(first, min(first + _COPIES_A_COMMIT, copies)):
                    for table in tables:
                        _copy(connection, table, TEMPLATE_COPY + copy)
        with connection.begin():
            for index in indexes:
                index.create(connection)


def _copy(connection: Connection, table: Table, copy: int) -> None:
    """Every template row of ``table`` once more, with the mark in its texts replaced."""
    columns = [column for column in table.columns if column.name != "change_id"]
    template = bare_table(f"template_{table.name}", *(bare_column(c.name) for c in columns))
    values = [
        func.replace(template.c[column.name], f"x{TEMPLATE_COPY}", f"x{copy}")
        if isinstance(column.type, String | AutoString)
        else template.c[column.name]
        for column in columns
    ]
    names = [column.name for column in columns]
    connection.execute(table.insert().from_select(names, select(*values)))


def _settle(engine: Engine) -> None:
    """What autovacuum would have done by and by."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
