"""What was, told afterwards, is what was: by Stripe's clock, on whatever came in whatever order."""

import os
import random
from collections import defaultdict
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing_core.entitlement import Entitlement
from billing_core.queries import entitlement_history, organization, organization_as_of
from billing_core.rows import EntitlementRow, OrganizationView, PastView
from tests.projection.ledger import CONFIG, Ledger
from tests.projection.lives import Life, lives

thorough = settings(
    max_examples=int(os.environ.get("LIVES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
_BOOK = Ledger()
_FAR = datetime(2100, 1, 1, tzinfo=UTC)


def entitlement(row: EntitlementRow) -> Entitlement:
    return Entitlement(**{each.name: getattr(row, each.name) for each in fields(Entitlement)})


def meaning(state: Entitlement) -> Entitlement:
    """Without the event that told of it last."""
    return replace(state, last_event_id=None)


def present(book: Ledger, org_id: str) -> OrganizationView:
    with book.engine.connect() as connection:
        found = organization(connection, org_id, config=CONFIG)
    assert found is not None
    return found


def as_of(book: Ledger, org_id: str, at: datetime) -> PastView:
    with book.engine.connect() as connection:
        found = organization_as_of(connection, org_id, at, config=CONFIG)
    assert found is not None
    return found


def org_ids(book: Ledger) -> list[str]:
    return [row["org_id"] for row in book.rows("organizations")]


def shuffled(life: Life, seed: int) -> list[dict[str, Any]]:
    events = list(life.events)
    random.Random(seed).shuffle(events)
    return events


@thorough
@given(life=lives(), seed=st.integers(0, 2**32), in_order=st.booleans())
def test_as_of_now_is_the_present_and_as_of_each_change_is_what_it_made(
    life: Life, seed: int, in_order: bool
) -> None:
    _BOOK.clear()
    _BOOK.deliver(life.events if in_order else shuffled(life, seed))
    for org_id in org_ids(_BOOK):
        is_now = present(_BOOK, org_id)
        with _BOOK.engine.connect() as connection:
            changes = entitlement_history(connection, org_id)
        now = as_of(_BOOK, org_id, _FAR)
        assert entitlement(now.view.entitlement) == entitlement(is_now.entitlement)
        assert now.view.entitlement.last_event_at == is_now.entitlement.last_event_at
        assert now.view.subscriptions == is_now.subscriptions
        assert (now.next_at, now.untold) == (None, ())
        assert list(changes) == sorted(changes, key=lambda change: change.at)
        for at, of_moment in groupby(changes, key=lambda change: change.at):
            then = as_of(_BOOK, org_id, at)
            *_, last = of_moment
            assert then.change == last
            assert meaning(entitlement(then.view.entitlement)) == meaning(last.after)
        before = as_of(_BOOK, org_id, changes[0].at - timedelta(seconds=1))
        assert before.change is None
        assert not before.view.entitlement.has_access


def members(book: Ledger) -> dict[str, set[str]]:
    """Each org's customers."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in book.rows("customers"):
        found[row["org_id"]].add(row["customer_id"])
    return found


def told(view: OrganizationView) -> list[object]:
    """Its subscriptions, without the plans, which follow what is known of prices today."""
    return [(s.facts, s.decides, s.suspect, s.last_event_id) for s in view.subscriptions]


@thorough
@given(life=lives(), seed=st.integers(0, 2**32))
def test_each_second_is_told_as_it_was_seen_when_it_was_the_present(life: Life, seed: int) -> None:
    """Of orgs with the customers that they had then; subscriptions whatever order things came in."""
    _BOOK.clear()
    seen: list[tuple[datetime, dict[str, OrganizationView], dict[str, set[str]]]] = []
    for second, events in groupby(life.events, key=lambda event: int(event["created"])):
        at = datetime.fromtimestamp(second, UTC)
        _BOOK.deliver(events, now=at)  # what a price changed has no other time than ours
        views = {org_id: present(_BOOK, org_id) for org_id in org_ids(_BOOK)}
        seen.append((at, views, members(_BOOK)))
    same = set(org_ids(_BOOK))
    checked: list[tuple[datetime, OrganizationView]] = []
    for at, views, of_orgs in reversed(seen):
        same &= {org_id for org_id in views if of_orgs[org_id] == seen[-1][2][org_id]}
        checked += [(at, views[org_id]) for org_id in sorted(same)]
    for at, view in checked:
        then = as_of(_BOOK, view.org_id, at).view
        assert entitlement(then.entitlement) == entitlement(view.entitlement)
        assert told(then) == told(view)
    _BOOK.clear()
    _BOOK.deliver(shuffled(life, seed))
    for at, view in checked:
        then = as_of(_BOOK, view.org_id, at).view
        assert len(then.subscriptions) == len(view.subscriptions)
        for each in then.subscriptions:
            was = view.subscription(each.facts.subscription_id)
            assert was is not None
            assert each.suspect or was.suspect or each.facts == was.facts
