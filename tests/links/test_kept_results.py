"""What came of a link is kept as the events arrive, and is what reading them all would say."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHECKOUT,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.link_results import WINDOW, News
from billing_core.queries.insights import portal_insights
from billing_core.queries.link_results import what_came_of
from billing_core.queries.links import link_of_row, news_of_row
from billing_core.queries.tables import EVENTS, LINK_ROLLUPS, LINKS, PAYLOADS
from billing_core.stripe_gateway.envelope import read_event
from tests.core.company import CONFIG, Json, customer, price, subscription
from tests.support.databases import fresh_url
from webhook_listener.apply import apply_round
from webhook_listener.database import writer_engine
from webhook_listener.links import redeem, results, tally

T0 = datetime.now(UTC).replace(microsecond=0)
DESTINATIONS = (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHECKOUT,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
CHANGES: Mapping[str, Json] = {
    "cancel": {"cancel_at_period_end": True, "cancel_at": int((T0 + 30 * WINDOW).timestamp())},
    "undo": {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None},
    "more seats": {"quantity": 7},
    "fewer seats": {"quantity": 2},
    "pause": {"status": "paused"},
    "resume": {"status": "active"},
    "another plan": {"price": "team_monthly"},
}
OTHERS = ("customer.updated", "payment_method.attached", "checkout.session.completed")
NUMBERS = count(1)


@dataclass
class Story:
    """One organization with two subscriptions, told an event or a redemption at a time."""

    engine: Engine
    at: datetime = T0 - timedelta(hours=2)
    key: int = field(default_factory=lambda: next(NUMBERS))
    standing: dict[str, Json] = field(default_factory=dict)
    link_ids: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.send("customer.created", self._customer())
        for name in ("one", "two"):
            self.standing[name] = {"status": "active", "quantity": 1, "price": "pro_monthly"}
            self.send("customer.subscription.created", self._subscription(name))

    def _customer(self) -> Json:
        return customer(f"cus_{self.key}", name="Acme", org_id=f"org_{self.key}")

    def _subscription(self, name: str) -> Json:
        values = dict(self.standing[name])
        item = price(values.pop("price"))
        return subscription(f"sub_{self.key}_{name}", f"cus_{self.key}", item, **values)

    def change(self, name: str, change: str, **arrival: bool) -> None:
        changed = CHANGES[change]
        if change == "cancel":
            changed = {**changed, "canceled_at": int(self.at.timestamp())}
        self.standing[name] |= changed
        self.send("customer.subscription.updated", self._subscription(name), **arrival)

    def other(self, type_: str, **arrival: bool) -> None:
        obj = {"id": f"obj_{self.key}", "object": "thing", "customer": f"cus_{self.key}"}
        self.send(type_, self._customer() if type_ == "customer.updated" else obj, **arrival)

    def send(self, type_: str, obj: Json, *, old: bool = False, later: bool = False) -> None:
        """``old``: Stripe made it three hours ago; ``later``: applied with the next but one."""
        created = self.at - timedelta(hours=3) if old else self.at
        event_id = f"evt_{next(NUMBERS)}"
        payload = {
            "id": event_id,
            "object": "event",
            "type": type_,
            "api_version": "2026-10-28.endive",
            "livemode": False,
            "created": int(created.timestamp()),
            "data": {"object": obj, "previous_attributes": {}},
        }
        read = read_event(payload)
        row = {
            "event_id": event_id,
            "type": type_,
            "created": read.created,
            "received_at": self.at,
            "customer_id": read.customer_id,
            "object_id": read.object_id,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(EVENTS), row)
            body = zlib.compress(orjson.dumps(payload), 1)
            connection.execute(insert(PAYLOADS), {"event_id": event_id, "body": body})
        self.waiting.append(event_id)
        if not later:
            apply_round(self.engine, CONFIG, now=self.at, only=self.waiting)
            self.waiting = []

    def make(self, destination: str, name: str | None) -> None:
        link_id = f"link_{next(NUMBERS)}"
        row = {
            "link_id": link_id,
            "token_hash": link_id,
            "return_token_hash": link_id,
            "org_id": f"org_{self.key}",
            "destination": destination,
            "subscription_id": f"sub_{self.key}_{name}" if name else None,
            "reason": "ticket",
            "created_by": "ada",
            "created_by_role": "support",
            "created_at": self.at,
            "expires_at": T0 + timedelta(days=30),
            "uses_allowed": 20,
            "uses": 0,
        }
        with self.engine.begin() as connection, tally.recounted(connection, [link_id]):
            connection.execute(insert(LINKS), row)
        self.link_ids.append(link_id)

    def use(self) -> None:
        """Redeem the newest link, once more if it was before."""
        if not self.link_ids:
            return
        with self.engine.begin() as connection:
            row = self._rows()[-1]
            claimed = redeem.claim(connection, link_of_row(row), row["destination"])
            assert claimed is not None
            redeem.settle(connection, replace(claimed, at=self.at))

    def _rows(self) -> list[Mapping[str, Any]]:
        statement = select(LINKS).where(LINKS.c.link_id.in_(self.link_ids))
        with self.engine.connect().execution_options(reads=True) as connection:
            rows = [dict(row) for row in connection.execute(statement).mappings()]
        return sorted(rows, key=lambda row: self.link_ids.index(row["link_id"]))

    def open_links(self) -> list[Mapping[str, Any]]:
        """Those whose day is not over."""
        return [row for row in self._rows() if (row["last_redeemed_at"] or T0) + WINDOW >= self.at]

    def kept(self, rows: list[Mapping[str, Any]]) -> dict[str, News]:
        news = {row["link_id"]: news_of_row(row) for row in rows}
        return {link_id: one for link_id, one in news.items() if one is not None}

    def read(self, rows: list[Mapping[str, Any]]) -> dict[str, News]:
        """What the events say, all of them read."""
        with self.engine.connect().execution_options(reads=True) as connection:
            return what_came_of(connection, [link_of_row(row) for row in rows])


arrival = st.sampled_from([{}, {}, {}, {"old": True}, {"later": True}])
subscriptions = st.sampled_from(["one", "two"])
steps = st.one_of(
    st.tuples(st.just("change"), subscriptions, st.sampled_from([*CHANGES]), arrival),
    st.tuples(st.just("other"), st.sampled_from(OTHERS), arrival),
    st.tuples(st.just("make"), st.sampled_from(DESTINATIONS), st.none() | subscriptions),
    st.just(("use",)),
    st.just(("use",)),
)
histories = st.lists(st.tuples(st.sampled_from([2, 40, 600, 40_000]), steps), max_size=12)


@pytest.fixture(scope="module")
def engine(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    engine = writer_engine(fresh_url(backend, request, tmp_path_factory.mktemp("kept")))
    yield engine
    engine.dispose()


def rollups(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect().execution_options(reads=True) as connection:
        found = connection.execute(select(LINK_ROLLUPS).where(LINK_ROLLUPS.c.times != 0))
        return sorted(tuple(row) for row in found)


@given(history=histories)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_kept_is_what_all_the_events_say(
    engine: Engine, history: list[tuple[int, tuple[Any, ...]]]
) -> None:
    """For any history within a day of a redemption, whatever comes late, is old or is applied late.

    What is found anew from the rows afterwards is the same again, and so are the counts.
    """
    story = Story(engine)
    story.make(CANCEL_SUBSCRIPTION, "one")
    for seconds, (step, *values) in history:
        story.at += timedelta(seconds=seconds)
        if step in ("change", "other"):
            *which, how = values
            getattr(story, step)(*which, **how)
        else:
            getattr(story, step)(*values)
        if not story.waiting:
            still = story.open_links()
            assert story.kept(still) == story.read(still)
    everything, counted = story.kept(story._rows()), rollups(engine)
    with engine.begin() as connection:
        results.rebuild(connection, now=story.at + 2 * WINDOW)
    assert story.kept(story._rows()) == everything
    assert rollups(engine) == counted


def test_what_came_of_a_link_is_the_same_whichever_links_it_is_read_with(engine: Engine) -> None:
    """A link about the subscription must not lend what became of that to one about the account."""
    story = Story(engine)
    story.make(CANCEL_SUBSCRIPTION, "one")
    story.use()
    story.make(UPDATE_PAYMENT_METHOD, "one")
    story.use()
    story.at += timedelta(minutes=5)
    story.change("one", "pause")
    together = story.read(story._rows())
    apart = {link_id: came for row in story._rows() for link_id, came in story.read([row]).items()}
    assert together == apart
    assert len(together) == 1


def test_an_event_that_is_applied_after_the_day_is_over_still_counts(engine: Engine) -> None:
    """It reached us in time; that it had to wait is no fault of the link's."""
    story = Story(engine)
    story.make(UPDATE_DETAILS, None)
    story.use()
    story.at += timedelta(minutes=5)
    story.other("customer.updated", later=True)
    told_at = story.at
    story.at += 2 * WINDOW
    assert story.kept(story._rows()) == {}
    story.other("payment_method.attached")
    (news,) = story.kept(story._rows()).values()
    assert news.at == told_at


def test_what_came_of_a_link_stays_when_the_events_are_pruned(engine: Engine) -> None:
    story = Story(engine)
    story.make(UPDATE_DETAILS, None)
    story.use()
    story.at += timedelta(minutes=5)
    story.other("customer.updated")
    kept = story.kept(story._rows())
    before = portal(engine)
    with engine.begin() as connection:
        connection.execute(EVENTS.delete().where(EVENTS.c.org_id == f"org_{story.key}"))
        results.rebuild(connection, now=story.at)
    assert len(kept) == 1
    assert story.kept(story._rows()) == kept
    assert portal(engine) == before


def portal(engine: Engine) -> object:
    with engine.connect().execution_options(reads=True) as connection:
        return portal_insights(connection, T0 - WINDOW, now=T0)
