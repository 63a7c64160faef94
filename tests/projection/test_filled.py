"""A database from before cancellations were kept gets the very rows that it would have kept."""

from collections import Counter

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
    kept, states = book.rows("cancellations"), _states(book)
    schema.migrate_down(engine, _BEFORE)
    schema.migrate(engine)
    assert book.rows("cancellations") == kept
    assert _states(book) == states


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


def _states(book: Ledger) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in book.rows("state_rollups"):
        found[row["state"]] += row["more"]
    return +found
