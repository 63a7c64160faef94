"""`previous_attributes` as Stripe writes them, and periods on the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.forms import decode
from sandbox.periods import months_after, period_end
from sandbox.rendering import changed, undone

LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2)
NAMES = ["a", "b", "c"]


def documents(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Documents whose keys are always there, as those of Stripe's objects are."""
    values = LEAVES if depth == 0 else LEAVES | documents(depth - 1)
    return st.fixed_dictionaries(dict.fromkeys(NAMES, values))


@given(documents(), documents())
def test_the_previous_attributes_lead_back_to_the_object_before(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert undone(after, changed(before, after)) == before


@given(documents())
def test_what_stayed_the_same_is_not_mentioned(document: dict[str, Any]) -> None:
    assert changed(document, document) == {}


def test_changes_are_told_as_stripe_tells_them() -> None:
    before = {
        "cancel_at": None,
        "metadata": {"kept": "1", "gone": "2"},
        "items": {"data": [1, 2], "total_count": 2},
    }
    after = {
        "cancel_at": 5,
        "metadata": {"kept": "1", "new": "3"},
        "items": {"data": [1, 3], "total_count": 2},
    }
    assert changed(before, after) == {
        "cancel_at": None,
        "metadata": {"gone": "2", "new": None},
        "items": {"data": [1, 2]},
    }


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001
    lambda naive: int(naive.replace(tzinfo=UTC).timestamp())
)


@given(MOMENTS, MOMENTS, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 4))
def test_a_period_ends_on_the_first_boundary_after_its_start(
    anchor: int, start: int, interval: str, count: int
) -> None:
    anchor, start = sorted((anchor, start))
    price = {"recurring": {"interval": interval, "interval_count": count}}
    end = period_end(anchor, start, price)
    assert end > start
    before = period_end(anchor, anchor - 1, price)
    while (following := period_end(anchor, before, price)) <= start:
        before = following
    assert end in {before, following}
    assert before <= start < end or end == following


def test_a_cycle_that_begins_later_ends_its_first_period_there() -> None:
    for interval in ("day", "week", "month", "year"):
        price = {"recurring": {"interval": interval, "interval_count": 1}}
        assert period_end(1_800_000_000, 1_799_999_000, price) == 1_800_000_000


@pytest.mark.parametrize(
    ("months", "day"),
    [(1, "2028-02-29"), (3, "2028-04-30"), (-2, "2027-11-30"), (12, "2029-01-31")],
)
def test_months_are_counted_on_the_calendar(months: int, day: str) -> None:
    january = int(datetime(2028, 1, 31, 7, 8, 9, tzinfo=UTC).timestamp())
    later = datetime.fromtimestamp(months_after(january, months), UTC)
    assert later.isoformat() == f"{day}T07:08:09+00:00"


def test_forms_nest_as_stripes_client_writes_them() -> None:
    form = (
        b"items[0][price]=p&items[0][quantity]=2&items[1][price]=q&expand[]=a&expand[]=b&x=%C3%A9"
    )
    assert decode(form) == {
        "items": [{"price": "p", "quantity": "2"}, {"price": "q"}],
        "expand": ["a", "b"],
        "x": "é",
    }
