"""A database from before cancellations were kept gets the very rows that it would have kept.

What the listener adds up batch by batch is what the migration adds up at once.
"""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from tests.projection.ledger import Ledger
from tests.projection.lives import Life, lives
from tests.projection.test_cancellations import one_life
from webhook_listener import schema

_BEFORE = "0005"


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(life=lives())
def test_the_migration_makes_the_rows_that_the_listener_keeps(engine: Engine, life: Life) -> None:
    book = Ledger(engine=engine)
    book.clear()
    book.deliver(life.events, batch=4)
    kept, states, revenue = _kept(book), _states(book), _revenue(book)
    schema.migrate_down(engine, _BEFORE)
    schema.migrate(engine)
    assert _kept(book) == kept
    assert _states(book) == states
    assert _revenue(book) == revenue


def test_the_listener_goes_on_from_what_the_migration_made(engine: Engine) -> None:
    life = one_life()
    book = Ledger(engine=engine)
    book.deliver(life.events)
    schema.migrate_down(engine, _BEFORE)
    schema.migrate(engine)
    book.deliver(life.events)
    assert book.reproject() == ()
    assert [row["outcome"] for row in book.rows("cancellations")] == ["open"]
    assert _states(book)["winding_down"] == 1


def _kept(book: Ledger) -> list[list[dict[str, Any]]]:
    return [book.rows("cancellations"), book.rows("plan_entitlements")]


def _revenue(book: Ledger) -> list[dict[str, Any]]:
    rows = book.rows("revenue_rollups")
    assert all(row["entries"] > 0 for row in rows)
    return rows


def _states(book: Ledger) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in book.rows("state_rollups"):
        found[row["state"]] += row["more"]
    return +found
