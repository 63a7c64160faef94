"""What the pages ask of the database is planned by indexes: each statement of each page is read.

Every page and view that the benchmark visits is run on a small company made up as the benchmark's
is. PostgreSQL is told that its tables are as large as a million organizations' are; SQLite is asked
as it is, without statistics, and once more with such as a large database would have.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlmodel import SQLModel
from streamlit.testing.v1 import AppTest

from bench.console.company import make_company
from bench.console.mark import Size
from bench.console.visits import VISITS, sample_of
from billing_core.database import Reader, reader
from console.navigation import PAGES
from tests.console.watching import desk
from tests.support.databases import fresh_url
from webhook_listener.database import writer_engine
from webhook_listener.roles import grant_reader

SIZE = Size(100, 100)
# They stay small however many organizations there are, or grow by a few rows a day.
FEW = {
    "alembic_version",
    "listener_state",
    "prices",
    "products",
    "state_rollups",
    "organization_trigram_terms",
}
# What adds up a whole period reads that period, which of a small company is nearly all there is.
WHOLE_PERIODS = {
    ("portal insights", "link_rollups"),
    ("portal insights", "link_visits"),
    ("winding down: undone", "cancellations"),
    ("winding down: undone in a year", "cancellations"),
    ("winding down: ended", "plan_entitlements"),
}
_EARLY = 0.25
ROLES = ("support", "finance", "ops", "admin")


@dataclass(frozen=True)
class Asked:
    """A statement that a page issued."""

    visit: str
    statement: str
    parameters: Any


@dataclass(frozen=True)
class Made:
    """A made-up company, who reads it, and all that its pages asked."""

    engine: Engine
    read: Reader
    asked: tuple[Asked, ...]


def _page(name: str) -> None:
    from console.navigation import PAGES

    next(entry for entry in PAGES if entry.path == name).show()


@pytest.fixture(scope="module")
def made(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """The company, after somebody with every role has looked at everything."""
    url = fresh_url(backend, request, tmp_path_factory.mktemp("plans"))
    make_company(url, SIZE)
    engine = writer_engine(url)
    read_url = make_url(url)
    if backend == "postgresql":
        grant_reader(engine, "console_reader")
        read_url = read_url.set(username="console_reader")
    read = reader(read_url.render_as_string(hide_password=False))
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Made(engine, read, _everything_asked(engine, read, monkeypatch))
    read.dispose()
    engine.dispose()


def _everything_asked(
    engine: Engine, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> tuple[Asked, ...]:
    desk(monkeypatch, read).sit(*ROLES)
    sample, choose = sample_of(engine, SIZE), random.Random(1)
    asked: dict[str, Asked] = {}
    visiting = ""

    def note(*args: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        asked.setdefault(args[2], Asked(visiting, args[2], args[3]))

    event.listen(read._engine, "before_cursor_execute", note)
    opened = {entry.path: AppTest.from_function(_page, args=(entry.path,)) for entry in PAGES}
    for visit in VISITS:
        visiting = visit.name
        at = opened[visit.page]
        at.query_params.clear()
        for name, value in visit.query(sample, choose).items():
            at.query_params[name] = value
        at.run(timeout=60)
        assert not at.exception, visit.name
    event.remove(read._engine, "before_cursor_execute", note)
    return tuple(
        each for each in asked.values() if each.statement.lstrip().startswith(("SELECT", "WITH"))
    )


def test_every_page_that_reads_the_database_is_visited() -> None:
    """The users' page reads the console's own file alone."""
    visited = {visit.page for visit in VISITS}
    assert {entry.path for entry in PAGES} - visited <= {"users", "configuration"}


def test_no_statement_of_any_page_reads_a_growing_table_from_end_to_end(made: Made) -> None:
    assert len(made.asked) > 50
    if made.engine.dialect.name == "postgresql":
        with made.engine.connect() as connection:
            _pretend_to_be_large(connection)
            found = [line for each in made.asked for line in _scans(connection, each)]
            connection.rollback()
    else:
        with made.read.connect() as connection:
            found = [line for each in made.asked for line in _walks(connection, each)]
        with made.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
            _enlarge_statistics(connection)
        with made.read.connect() as connection:
            found += [line for each in made.asked for line in _walks(connection, each)]
    assert not found, "\n\n".join(found)


def _walks(connection: Connection, each: Asked) -> list[str]:
    """SQLite: scans of tables that grow, unless no more is read than is shown.

    Walking along an index, or along the number of a log's lines, stops at the statement's LIMIT.
    """
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each.statement}", each.parameters)
    limited = "LIMIT" in each.statement
    found = []
    for plan in (str(row[3]) for row in rows):
        scanned = re.match(r"SCAN (\w+)(.*)", plan)
        if scanned is None or _may_be_read(each, scanned[1]) or "VIRTUAL TABLE INDEX" in plan:
            continue
        by_number = re.search(r"ORDER BY \S*(change_id|audit_id|drift_id) DESC", each.statement)
        if not (limited and ("USING" in scanned[2] or by_number)):
            found.append(f"{each.visit}: {plan}\n{each.statement}")
    return found


def _may_be_read(each: Asked, name: str) -> bool:
    """Aliases and subqueries are no tables; what they hold is scanned in a line of its own."""
    return name not in _growing() or (each.visit, name) in WHOLE_PERIODS


def _growing() -> set[str]:
    return set(SQLModel.metadata.tables) - FEW | {"organization_search"}


def _enlarge_statistics(connection: Connection) -> None:
    """As ANALYZE would have found them among a million organizations: rows, and rows for a key."""
    for rowid, stat in connection.execute(text("SELECT rowid, stat FROM sqlite_stat1")).all():
        rows, *rest = stat.split(" ")
        large = " ".join([str(int(rows) * 10_000), *rest])
        connection.execute(
            text("UPDATE sqlite_stat1 SET stat = :stat WHERE rowid = :rowid"),
            {"stat": large, "rowid": rowid},
        )


def _pretend_to_be_large(connection: Connection) -> None:
    """Within a transaction that is taken back: the planner sees ten thousand times the rows."""
    connection.execute(text("ANALYZE"))
    connection.execute(
        text("UPDATE pg_class SET reltuples = reltuples * 10000 WHERE relname = ANY(:tables)"),
        {"tables": sorted(_growing())},
    )


def _scans(connection: Connection, each: Asked) -> list[str]:
    """PostgreSQL: sequential scans of tables that grow, unless a limit is expected to end them."""
    explained = connection.exec_driver_sql(
        f"EXPLAIN (FORMAT JSON) {each.statement}", each.parameters
    ).scalar_one()
    return [
        f"{each.visit}: Seq Scan on {name}\n{each.statement}"
        for name in _sequential(explained[0]["Plan"], limited=False)
        if not _may_be_read(each, name)
    ]


def _sequential(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and not limited:
        yield str(node["Relation Name"])
    for child in node.get("Plans", ()):
        ends_early = node["Total Cost"] < _EARLY * child["Total Cost"] or "Filter" not in child
        yield from _sequential(child, limited=node["Node Type"] == "Limit" and ends_early)
