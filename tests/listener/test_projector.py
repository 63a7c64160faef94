"""What is projected beside deliveries that go on coming."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, update

from billing_core.config import load_config
from billing_core.settings import ROOT
from tests.listener.counting import counted, kept
from tests.support.listener import reading
from tests.support.stripe_events import event, subscription, unique
from webhook_listener import apply, inbox
from webhook_listener.apply import MAX_ATTEMPTS, apply_carefully, apply_everything, apply_round
from webhook_listener.database import durable_transaction
from webhook_listener.file_lock import file_lock
from webhook_listener.inbox import Audience
from webhook_listener.receive import read_delivery
from webhook_listener.tables import EVENTS

CONFIG = load_config(ROOT / "billing.toml")
OURS = Audience(livemode=False, account=None)


def created() -> dict[str, Any]:
    return event("customer.subscription.created", subscription(unique("sub"), unique("cus")))


def deliver(engine: Engine, *events: dict[str, Any]) -> None:
    now = datetime.now(UTC).timestamp()
    deliveries = [read_delivery(orjson.dumps(sent), OURS, now=now) for sent in events]
    with durable_transaction(engine) as connection:
        inbox.store(connection, deliveries)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_comes_while_a_round_computes_is_kept_waiting_by_nothing_and_counted_once(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, where a round that held the write lock would keep everybody waiting."""
    first, second = created(), created()
    deliver(engine, first)
    plan = apply._plan

    def computing(*args: Any) -> Any:  # noqa: ANN401 - stands in for the plan
        planned = plan(*args)
        deliver(engine, first, second)
        return planned

    with monkeypatch.context() as patched:
        patched.setattr(apply, "_plan", computing)
        done = apply_round(engine, CONFIG, now=datetime.now(UTC))
    assert [one.event_id for one in done.applied] == [first["id"]]
    assert apply_everything(engine, CONFIG) == 1
    assert kept(engine) == counted(engine)
    with reading(database_url) as rows:
        found = rows("SELECT event_id, deliveries, outcome FROM webhook_events")
    assert sorted(found) == sorted([(first["id"], 2, "applied"), (second["id"], 1, "applied")])


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_turn_is_had_by_one_at_a_time(engine: Engine, tmp_path: Path) -> None:
    """Reading, adding one and writing by four at once loses none."""
    counter = tmp_path / "counter"
    counter.write_text("0")

    def add() -> None:
        for _ in range(100):
            with file_lock(engine, "counting"):
                counter.write_text(str(int(counter.read_text()) + 1))

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(add) for _ in range(4)]:
            done.result()
    assert counter.read_text() == "400"


def test_a_customer_that_was_not_seen_when_the_event_was_stored_is_written_to_it(
    engine: Engine,
) -> None:
    """Stored by a version that could not read it, applied by one that can."""
    sent = created()
    deliver(engine, sent)
    with engine.begin() as connection:
        connection.execute(update(EVENTS).values(customer_id=None))
    assert apply_everything(engine, CONFIG) == 1
    with engine.connect() as connection:
        found = connection.execute(select(EVENTS.c.customer_id)).scalars().all()
    assert found == [sent["data"]["object"]["customer"]]


class _ProcessEnds(BaseException):
    """Stands in for what ends the process: nothing after it is done."""


@pytest.mark.parametrize("last", ["ends the process", "fails", "is applied"])
@pytest.mark.parametrize("before", ["ends the process", "fails"])
def test_an_event_is_parked_once_its_last_try_was_in_vain_and_never_before(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, before: str, last: str
) -> None:
    deliver(engine, created())
    plan = apply._plan
    tries: list[str] = []

    def trying(*args: Any) -> Any:  # noqa: ANN401 - stands in for the plan
        tries.append(last if len(tries) == MAX_ATTEMPTS - 1 else before)
        if tries[-1] == "ends the process":
            raise _ProcessEnds
        if tries[-1] == "fails":
            raise ValueError
        return plan(*args)

    monkeypatch.setattr(apply, "_plan", trying)
    now = datetime.now(UTC)
    outcomes = ["pending"]
    while outcomes[-1] == "pending":
        with suppress(_ProcessEnds):
            apply_carefully(engine, CONFIG, now=now)
        now += timedelta(hours=1)
        with engine.connect() as connection:
            outcomes.append(connection.execute(select(EVENTS.c.outcome)).scalar_one())
    assert len(tries) == MAX_ATTEMPTS
    assert outcomes[-1] == ("applied" if last == "is applied" else "parked")
    assert kept(engine) == counted(engine)
