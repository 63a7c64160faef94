"""Webhooks that others have published, from before versions to today, each read for what it says."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from tests.listener.conftest import Rows
from tests.support.captured import captured_files, expectations
from tests.support.listener import Listener
from tests.support.stripe_events import signed
from webhook_listener.database import writer_engine

_COLUMNS = ("status", "ends_at", "current_period_end", "price_key", "has_access", "winding_down")


def test_every_one_of_them_is_stored_and_none_gives_a_traceback(
    listener: Listener, rows: Rows
) -> None:
    """As they are: from whatever mode and account, with ids that several of them share."""
    bodies = {path.name: path.read_bytes() for path in captured_files()}
    answers = {name: listener.post(signed(body)).status_code for name, body in bodies.items()}
    assert set(answers.values()) == {200}
    listener.settle()
    assert "Traceback" not in listener.log
    assert '"level":"error"' not in listener.log
    stored: dict[str, str] = dict(rows("SELECT event_id, outcome FROM webhook_events"))
    assert {orjson.loads(body)["id"] for body in bodies.values()} <= stored.keys()
    assert set(stored.values()) <= {"applied", "stale", "ignored"}
    strangers = "SELECT count(*) FROM webhook_events WHERE (livemode OR account IS NOT NULL)"
    assert rows(f"{strangers} AND (outcome <> 'ignored' OR error IS NULL)") == [(0,)]


def test_their_rows_are_those_that_were_written_down_by_hand(listener: Listener) -> None:
    captured = expectations()
    for one in captured:
        assert listener.post(one.event).status_code == 200
    listener.settle()
    engine = writer_engine(listener.database_url)
    found = {one.expected["file"]: _found(engine, one.event) for one in captured}
    engine.dispose()
    assert found == {
        one.expected["file"]: {name: one.expected[name] for name in _COLUMNS} for one in captured
    }
    assert len(found) >= 12


def _found(engine: Engine, event: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    """What the tables say of the event's subscription, in the words of ``EXPECTED.tsv``."""
    tables = SQLModel.metadata.tables
    subscriptions, entitlements = tables["subscriptions"], tables["plan_entitlements"]
    obj = event["data"]["object"]
    subscription_id = obj.get("subscription") or obj["id"]
    with engine.connect() as connection:
        row = connection.execute(
            select(subscriptions, entitlements.c.ends_at, entitlements.c.has_access)
            .join(entitlements, entitlements.c.subscription_id == subscriptions.c.subscription_id)
            .where(subscriptions.c.subscription_id == subscription_id)
        ).first()
    if row is None:  # a Checkout names a subscription and says nothing of it
        return dict.fromkeys(_COLUMNS, "") | {"has_access": "n/a", "winding_down": "n/a"}
    return {
        "status": row.status,
        "ends_at": _time(row.ends_at),
        "current_period_end": _time(row.current_period_end),
        "price_key": ",".join(item["lookup_key"] or item["price_id"] for item in row.items),
        "has_access": "yes" if row.has_access else "no",
        "winding_down": "yes" if row.ends_at is not None else "no",
    }


def _time(value: datetime | None) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else ""
