"""Every cancellation is kept once: when it began, whether it was undone and after how long."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.projection.ledger import Ledger
from tests.projection.lives import MONTH, START, Life, _cancel, _feedback, _switch, _undo, lives
from tests.projection.test_order import ledger, thorough
from webhook_listener.projection.states import states_of

DAY = 86_400
Told = tuple[str, int, str, int | None]


def told(book: Ledger) -> list[Told]:
    """Subscription, beginning, outcome and when it was over, as the rows have it."""
    return [
        (
            row["subscription_id"],
            int(row["begun_at"].timestamp()),
            row["outcome"],
            int(over.timestamp()) if (over := row["undone_at"] or row["ended_at"]) else None,
        )
        for row in sorted(
            book.rows("cancellations"), key=lambda row: (row["subscription_id"], row["begun_at"])
        )
    ]


def happened(life: Life) -> list[Told]:
    """The same, read off the company's own history, second by second."""
    events = [event for event in life.events if event["type"].startswith("customer.subscription.")]
    by_subscription = sorted(events, key=lambda event: str(event["data"]["object"]["id"]))
    found: list[Told] = []
    for key, own in groupby(by_subscription, key=lambda event: str(event["data"]["object"]["id"])):
        found += _of_one(key, list(own))
    return sorted(found)


def _of_one(key: str, events: list[dict[str, Any]]) -> Iterable[Told]:
    begun: int | None = None
    pending = False
    for at, together in groupby(events, key=lambda event: int(event["created"])):
        passed = [_pending(event) for event in together if not _final(event)]
        if passed and not pending and not passed[-1] and any(passed):
            yield (key, at, "undone", at)
        if passed and passed[-1] != pending:
            pending = passed[-1]
            if pending:
                begun = at
            elif begun is not None:
                yield (key, begun, "undone", at)
    if pending and begun is not None:
        over = int(events[-1]["created"]) if _final(events[-1]) else None
        yield (key, begun, "ended" if over is not None else "open", over)


def _pending(event: dict[str, Any]) -> bool:
    obj = event["data"]["object"]
    return bool(obj["cancel_at_period_end"] or obj["cancel_at"])


def _final(event: dict[str, Any]) -> bool:
    return bool(event["data"]["object"]["status"] == "canceled")


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_whatever_the_order_the_rows_are_what_the_company_lived_through(
    life: Life, seed: int
) -> None:
    chance = random.Random(seed)
    shuffled = life.events + [event for event in life.events if chance.random() < 0.3]
    chance.shuffle(shuffled)
    with ledger() as book:
        book.deliver(shuffled, batch=chance.randint(1, 5))
        assert told(book) == happened(life)


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_the_roll_ups_of_states_add_up_to_the_orgs_that_are_in_them(life: Life, seed: int) -> None:
    chance = random.Random(seed)
    shuffled = list(life.events)
    chance.shuffle(shuffled)
    with ledger() as book:
        book.deliver(shuffled, batch=chance.randint(1, 5))
        book.reproject()
        _assert_sums(book)


def _assert_sums(book: Ledger) -> None:
    counted: Counter[str] = Counter()
    for row in book.rows("state_rollups"):
        counted[row["state"]] += row["more"]
    there: Counter[str] = Counter()
    for row in book.rows("plan_entitlements"):
        there.update(states_of(row))
    assert +counted == there
    assert min(counted.values(), default=0) >= 0


def one_life() -> Life:
    """A customer who pays monthly and cancels a day later."""
    life = Life()
    customer = life.customer(1, "org_a")
    life.subscribe(customer, "price_pro", status="active", flexible=True)
    life.now += DAY
    _cancel(life, "sub_0")
    return life


def row_of(book: Ledger) -> dict[str, Any]:
    rows = book.rows("cancellations")
    assert len(rows) == 1
    return rows[0]


def test_what_was_undone_keeps_its_plan_amount_reason_and_duration() -> None:
    life = one_life()
    life.now += 60
    _feedback(life, "sub_0")
    life.now += 3 * DAY
    _undo(life, "sub_0")
    life.now += DAY
    _switch(life, "sub_0", "price_team", 5)
    with ledger() as book:
        book.deliver(life.events)
        row = row_of(book)
    assert (row["outcome"], row["seconds_to_undo"]) == ("undone", 3 * DAY + 60)
    assert (row["price_id"], row["unit_amount"], row["quantity"]) == ("price_pro", 4900, 1)
    assert (row["feedback"], row["reason"]) == ("too_expensive", "cancellation_requested")
    assert row["ends_at"] == datetime.fromtimestamp(START + MONTH, UTC)


def test_what_is_pending_follows_the_subscription_and_ends_with_it() -> None:
    life = one_life()
    life.now += DAY
    _switch(life, "sub_0", "price_team", 5)
    with ledger() as book:
        book.deliver(life.events)
        row = row_of(book)
        assert (row["outcome"], row["price_id"], row["quantity"]) == ("open", "price_team", 5)
        life.now = START + MONTH
        life.end("sub_0", "cancellation_requested")
        book.deliver(life.events[-1:])
        row = row_of(book)
    assert (row["outcome"], row["ended_at"]) == (
        "ended",
        datetime.fromtimestamp(START + MONTH, UTC),
    )
    assert row["begun_at"] == datetime.fromtimestamp(START + DAY, UTC)


def test_an_undoing_whose_beginning_was_lost_knows_from_stripe_when_it_began() -> None:
    life = one_life()
    life.now += DAY
    _undo(life, "sub_0")
    begun = life.events.pop(2)
    with ledger() as book:
        book.deliver(life.events)
        alone = row_of(book)
        assert (alone["outcome"], alone["seconds_to_undo"]) == ("undone", DAY)
        book.deliver([begun])
        assert row_of(book)["seconds_to_undo"] == DAY


def test_where_the_undoing_was_lost_it_is_not_called_saved_until_stripe_tells_when() -> None:
    life = one_life()
    life.now += DAY
    _undo(life, "sub_0")
    life.now += DAY
    _switch(life, "sub_0", "price_team", 5)
    undone = life.events.pop(3)
    with ledger() as book:
        book.deliver(life.events)
        assert (row_of(book)["outcome"], row_of(book)["undone_at"]) == ("unknown", None)
        book.deliver([undone])
        assert (row_of(book)["outcome"], row_of(book)["seconds_to_undo"]) == ("undone", DAY)


def test_an_end_at_once_was_never_a_pending_cancellation() -> None:
    life = Life()
    customer = life.customer(1, "org_a")
    life.subscribe(customer, "price_pro", status="active", flexible=False)
    life.now += DAY
    life.end("sub_0", "cancellation_requested")
    with ledger() as book:
        book.deliver(life.events)
        assert book.rows("cancellations") == []


def test_a_snapshot_that_shows_a_pending_cancellation_is_enough_to_know_of_it() -> None:
    life = one_life()
    snapshot = {
        "id": "snapshot_sub_0",
        "object": "event",
        "type": "snapshot.subscription",
        "created": life.now + 10 * DAY,
        "livemode": False,
        "data": {"object": life.objects["sub_0"]},
    }
    with ledger() as book:
        book.deliver([snapshot])
        row = row_of(book)
    assert (row["outcome"], row["begun_at"]) == (
        "open",
        datetime.fromtimestamp(START + DAY, UTC),
    )


def test_an_org_that_is_merged_into_another_is_counted_once() -> None:
    life = one_life()
    renamed = {**life.objects["cus_1"], "metadata": {"org_id": "org_b"}}
    life.now += DAY
    life.emit("customer.updated", renamed, {"metadata": {"org_id": "org_a"}})
    with ledger() as book:
        book.deliver(life.events)
        _assert_sums(book)
        assert [row["org_id"] for row in book.rows("plan_entitlements")] == ["org_b"]
