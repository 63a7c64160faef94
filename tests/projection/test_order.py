"""Whatever order the events come in, the rows end the same, and right."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing_core.stripe_gateway.shapes import subscription_facts
from billing_core.subscription_rows import facts_of_row
from tests.projection.ledger import NOW, Ledger
from tests.projection.lives import Life, lives

pytestmark = pytest.mark.timeout(600)  # how long a busy machine takes for thousands of lives
thorough = settings(
    max_examples=int(os.environ.get("LIVES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@cache
def _shared_ledger() -> Ledger:
    return Ledger()


@contextmanager
def ledger() -> Iterator[Ledger]:
    book = _shared_ledger()
    book.clear()
    yield book


def told(events: list[dict[str, Any]], *, batch: int = 1) -> dict[str, list[dict[str, Any]]]:
    with ledger() as book:
        book.deliver(events, batch=batch)
        return book.state()


def last_words(life: Life) -> dict[str, Any]:
    return {
        key: subscription_facts(obj) for key, obj in life.objects.items() if key.startswith("sub_")
    }


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_any_permutation_with_duplicates_ends_in_the_rows_of_delivery_in_order(
    life: Life, seed: int
) -> None:
    chance = random.Random(seed)
    shuffled = life.events + [e for e in life.events if chance.random() < 0.3]
    chance.shuffle(shuffled)
    assert told(shuffled, batch=chance.randint(1, 5)) == told(life.events)


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_the_rows_are_stripes_last_word_or_marked_suspect(life: Life, seed: int) -> None:
    shuffled = list(life.events)
    random.Random(seed).shuffle(shuffled)
    with ledger() as book:
        book.deliver(shuffled)
        rows = book.rows("subscriptions", all_columns=True)
        expected = last_words(life)
        for row in rows:
            if not row["suspect"]:
                assert facts_of_row(row) == expected[row["subscription_id"]]


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_with_events_lost_the_last_one_still_decides_or_the_row_is_suspect(
    life: Life, seed: int
) -> None:
    chance = random.Random(seed)
    last = set(life.last_event.values())
    kept = [e for e in life.events if e["id"] in last or chance.random() < 0.5]
    chance.shuffle(kept)
    with ledger() as book:
        book.deliver(kept)
        for row in book.rows("subscriptions", all_columns=True):
            if not row["suspect"]:
                assert facts_of_row(row) == last_words(life)[row["subscription_id"]]


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_a_snapshot_from_stripe_settles_every_doubt(life: Life, seed: int) -> None:
    chance = random.Random(seed)
    kept = [e for e in life.events if chance.random() < 0.6]
    asked_at = life.now + 5
    snapshots = [
        {
            "id": f"snapshot_{key}",
            "object": "event",
            "type": "snapshot.subscription",
            "created": asked_at,
            "livemode": False,
            "data": {"object": obj},
        }
        for key, obj in life.objects.items()
        if key.startswith("sub_")
    ]
    mixed = kept + snapshots
    chance.shuffle(mixed)
    with ledger() as book:
        book.deliver(mixed)
        rows = book.rows("subscriptions", all_columns=True)
        assert not any(row["suspect"] for row in rows)
        found = {row["subscription_id"]: facts_of_row(row) for row in rows}
        assert found == last_words(life)


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_what_was_lost_and_fetched_later_ends_in_the_rows_of_delivery_in_order(
    life: Life, seed: int
) -> None:
    """Any first part, in any order, then whatever Stripe's list has, newest first as it lists."""
    chance = random.Random(seed)
    delivered = list(life.events[chance.randint(0, len(life.events)) :])
    delivered = [e for e in delivered if chance.random() < 0.7]
    chance.shuffle(delivered)
    with ledger() as book:
        book.deliver(delivered, batch=chance.randint(1, 5))
        book.deliver(list(reversed(life.events)), batch=chance.randint(1, 100))
        found = book.state()
    assert found == told(life.events)


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_each_customer_is_in_the_org_it_asks_for_unless_another_had_it_first(
    life: Life, seed: int
) -> None:
    shuffled = list(life.events)
    random.Random(seed).shuffle(shuffled)
    customers = {key: obj for key, obj in life.objects.items() if obj["object"] == "customer"}
    wanted = {
        key: obj["metadata"].get("org_id") or life.references.get(key) or key
        for key, obj in customers.items()
    }
    with ledger() as book:
        book.deliver(shuffled, batch=3)
        rows = book.rows("customers", all_columns=True)
        for row in rows:
            if any(one["suspect"] for one in rows):
                continue
            key, org_id = row["customer_id"], wanted[row["customer_id"]]
            live = [one for one in customers if not customers[one].get("deleted")]
            rivals = [one for one in live if wanted[one] == org_id]
            first = min(rivals, key=lambda one: (customers[one]["created"], one), default=key)
            has_it = key not in live or first == key
            assert row["org_id"] == (org_id if has_it else key)
            assert row["conflicting_org_id"] == (None if has_it else org_id)


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_what_comes_again_after_it_was_pruned_changes_nothing(life: Life, seed: int) -> None:
    chance = random.Random(seed)
    first = life.events[: chance.randint(0, len(life.events))]
    again = [e for e in first if chance.random() < 0.5]
    rest = life.events[len(first) :]
    with ledger() as book:
        book.deliver(first, batch=4)
        before = book.state()
        book.prune(now=_when(first[-1]) if first else NOW)
        chance.shuffle(again)
        book.deliver(again, batch=chance.randint(1, 5))
        assert book.state() == before
        for event in rest:
            book.prune(now=_when(event))
            book.deliver([event])
        book.prune()
        book.deliver(again)
        found = book.state()
    assert found == told(life.events)


def _when(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["created"], UTC)


def test_a_loop_whose_beginning_may_be_pruned_is_still_known_to_end_where_it_began() -> None:
    life = Life()
    life.subscribe(life.customer(0, "org_a"), "price_pro", status="active", flexible=True)
    life.now += 5
    for status in ("past_due", "active"):
        life.change("sub_0", status=status)
    with ledger() as book:
        for event in life.events:
            book.deliver([event])
            book.prune(now=_when(event))
        (row,) = book.rows("subscriptions", all_columns=True)
        assert (row["status"], row["suspect"]) == ("active", False)
        kept = {row["event_id"] for row in book.rows("webhook_events")}
        assert life.events[1]["id"] in kept
        assert book.prune(now=_when(life.events[-1]) + timedelta(days=40)) == 0


def test_the_beginning_of_what_was_settled_a_month_ago_goes() -> None:
    life = Life()
    life.subscribe(life.customer(0, "org_a"), "price_pro", status="trialing", flexible=True)
    life.now += 5
    life.change("sub_0", status="active")
    with ledger() as book:
        book.deliver(life.events)
        settled = _when(life.events[-1])
        assert book.prune(now=settled + timedelta(days=30)) == 0
        assert book.prune(now=settled + timedelta(days=32)) == 1


@thorough
@given(life=lives())
def test_replaying_everything_and_rebuilding_changes_nothing(life: Life) -> None:
    with ledger() as book:
        book.deliver(life.events)
        state = book.state()
        changes = book.rows("entitlement_changes")
        book.deliver(life.events)
        assert book.reproject() == ()
        assert book.state() == state
        assert book.rows("entitlement_changes") == changes


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_access_is_never_false_while_stripes_last_word_grants_it(life: Life, seed: int) -> None:
    shuffled = list(life.events)
    random.Random(seed).shuffle(shuffled)
    with ledger() as book:
        book.deliver(shuffled)
        granted = {
            obj["customer"]
            for key, obj in life.objects.items()
            if key.startswith("sub_") and obj["status"] in ("active", "trialing", "past_due")
        }
        org_of = {row["customer_id"]: row["org_id"] for row in book.rows("customers")}
        access = {row["org_id"]: row["has_access"] for row in book.rows("plan_entitlements")}
        assert all(access[org_of[customer]] for customer in granted)


@thorough
@given(life=lives(), other=lives(), seed=st.integers(0, 2**32))
def test_one_companys_events_never_touch_anothers_rows(life: Life, other: Life, seed: int) -> None:
    foreign = [_renamed(event) for event in other.events]
    mixed = life.events + foreign
    random.Random(seed).shuffle(mixed)
    alone = told(life.events)
    together = told(mixed, batch=4)
    own = {row["customer_id"] for row in alone["customers"]}
    assert [r for r in together["subscriptions"] if r["customer_id"] in own] == alone[
        "subscriptions"
    ]
    orgs = {row["org_id"] for row in alone["organizations"]}
    assert [r for r in together["plan_entitlements"] if r["org_id"] in orgs] == alone[
        "plan_entitlements"
    ]


def _renamed(event: dict[str, Any]) -> dict[str, Any]:
    import json

    text = json.dumps(event)
    for name in ("cus_", "sub_", "evt_", "org_", "si_", "price_", "cs_"):
        text = text.replace(f'"{name}', f'"{name}other_')
    return dict(json.loads(text.replace('"org_other_id"', '"org_id"')))
