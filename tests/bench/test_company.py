"""The made-up company that the console is measured with: true to the store, and never anywhere else."""

from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from bench.console import copies, mark
from bench.console.company import grow_company, make_company
from bench.console.mark import Size
from tests.support.databases import fresh_url
from webhook_listener import audit
from webhook_listener.database import writer_engine

T = SQLModel.metadata.tables
SMALL, LARGE = Size(100, 100), Size(300, 100)


@pytest.fixture(scope="module")
def grown(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A company of a hundred that was let grow to three hundred."""
    url = fresh_url(backend, request, tmp_path_factory.mktemp("company"))
    make_company(url, SMALL)
    grow_company(url, LARGE)
    engine = writer_engine(url)
    yield engine
    engine.dispose()


def rows_in(engine: Engine, table: str) -> int:
    with engine.connect().execution_options(reads=True) as connection:
        return int(connection.execute(select(func.count()).select_from(T[table])).scalar_one())


def test_there_are_as_many_of_everything_as_was_asked_for(grown: Engine) -> None:
    assert rows_in(grown, "organizations") == 300
    assert rows_in(grown, "plan_entitlements") == 300
    events = rows_in(grown, "webhook_events")
    assert 3_000 <= events <= 3_000 + 3 * 3  # the three of each copy that cannot be understood
    assert rows_in(grown, "webhook_payloads") == events


def test_each_copy_has_the_same_names_for_others_who_came_to_be_at_the_same_time(
    grown: Engine,
) -> None:
    o = T["organizations"].c
    with grown.connect().execution_options(reads=True) as connection:
        rows = connection.execute(select(o.org_id, o.name, o.email)).all()
    words = {row.org_id: " ".join(row.name.split()[:2]) if row.name else None for row in rows}
    by_copy = [
        [words[org_id] for org_id in sorted(words) if mark in org_id]
        for mark in ("x100000", "x100001", "x100002")
    ]
    assert len({tuple(sorted(map(str, names))) for names in by_copy}) == 1
    assert by_copy[0] != by_copy[1] != by_copy[2]
    assert all(row.org_id[9:16] in row.email for row in rows if row.email)


def test_a_copy_is_as_the_listener_left_it_under_another_id(grown: Engine) -> None:
    c = T["entitlement_changes"].c
    with grown.connect().execution_options(reads=True) as connection:
        rows = connection.execute(select(c.org_id, c.event_id, c.after)).all()
        items = connection.execute(select(T["subscriptions"].c["items"])).scalars().all()
    by_copy = Counter(row.org_id[9:16] for row in rows)
    assert set(by_copy) == {"x100000", "x100001", "x100002"}
    assert len(set(by_copy.values())) == 1
    for row in rows:
        if row.after["last_event_id"] is not None:
            assert row.org_id[9:16] in row.after["last_event_id"]
    assert all(isinstance(each, list) and each for each in items)


def test_the_roll_ups_agree_with_the_copied_events(grown: Engine) -> None:
    e, r = T["webhook_events"].c, T["event_rollups"].c
    with grown.connect().execution_options(reads=True) as connection:
        counted = connection.execute(
            select(e.type, e.outcome, func.count()).group_by(e.type, e.outcome)
        ).all()
        kept = connection.execute(
            select(r.type, r.outcome, func.sum(r.events)).group_by(r.type, r.outcome)
        ).all()
    assert sorted(tuple(row) for row in kept) == sorted(tuple(row) for row in counted)


def test_what_leaves_is_added_up_as_the_copied_rows_have_it(grown: Engine) -> None:
    e, c, r = (T[name].c for name in ("plan_entitlements", "cancellations", "revenue_rollups"))
    moments = {
        "leaving": (e.ends_at, e),
        "left": (e.ended_at, e),
        "begun": (c.begun_at, c),
        "undone": (c.undone_at, c),
        "came_true": (c.ended_at, c),
    }
    with grown.connect().execution_options(reads=True) as connection:
        for kind, (at, of) in moments.items():
            sums = select(func.count(), func.sum(of.unit_amount * of.quantity))
            told = connection.execute(sums.where(at.is_not(None))).one()
            for grain in ("day", "month"):
                added_up = select(func.sum(r.entries), func.sum(r.amount)).where(
                    r.kind == kind, r.grain == grain
                )
                assert tuple(connection.execute(added_up).one()) == tuple(told), (kind, grain)
            assert told[0] > 0, kind


def test_the_audit_log_of_every_copy_is_sealed_in_the_order_of_time(grown: Engine) -> None:
    a = T["audit_log"].c
    with grown.connect().execution_options(reads=True) as connection:
        assert audit.verify(connection) is None
        times = connection.execute(select(a.at).order_by(a.audit_id)).scalars().all()
    assert times == sorted(times)
    assert len(times) > 30


def test_everything_made_up_says_so(grown: Engine) -> None:
    o = T["organizations"].c
    with grown.connect().execution_options(reads=True) as connection:
        for org_id, email in connection.execute(select(o.org_id, o.email)):
            assert org_id.startswith("org_bench")
            assert email.endswith(".bench.example")
    assert mark.held(grown) == LARGE


def test_every_table_is_copied_summed_or_shared() -> None:
    known = {*copies.COPIED, *copies.SUMMED, *copies.SHARED}
    assert known == set(T)


def test_a_database_with_a_single_foreign_row_is_left_alone(
    database_url: str, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(T["organizations"].insert(), {"org_id": "org_real", "name": "Real Ltd"})
    with pytest.raises(SystemExit, match="organizations holds rows that no benchmark wrote"):
        make_company(database_url, SMALL)
    assert rows_in(engine, "organizations") == 1
    assert rows_in(engine, "listener_state") == 0


def test_half_a_benchmark_is_not_taken_for_a_whole_one(database_url: str, engine: Engine) -> None:
    mark.begin(engine, SMALL)
    with pytest.raises(SystemExit, match="half of one"):
        make_company(database_url, SMALL)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://owner@db.example.com/billing",
        "postgresql+psycopg://owner@/billing?host=db.example.com",
        "postgresql+psycopg://owner@10.0.0.7/billing",
    ],
)
def test_no_other_machine_is_ever_written_to(url: str) -> None:
    with pytest.raises(SystemExit, match="on this machine only"):
        make_company(url, SMALL)
