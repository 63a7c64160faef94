"""What came of a link, by its pure rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHECKOUT,
    SWITCH_PLAN,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
)
from billing_core.link_results import WINDOW, Change, News, Result, SeenEvent, Snapshot, news
from billing_core.links import Link

T0 = datetime(2026, 8, 1, 12, tzinfo=UTC)
END = datetime(2026, 8, 14, tzinfo=UTC)
PRO = Snapshot(
    status="active", has_access=True, plan="pro", price_id="price_pro", quantity=1, ends_at=None
)
ENDING = replace(PRO, ends_at=END)
ENDED = replace(PRO, status="canceled", has_access=False)
PAUSED = replace(PRO, status="paused", has_access=False)
TEAM = replace(PRO, plan="team", price_id="price_team")
MORE = replace(PRO, quantity=8)
LATE = replace(PRO, status="past_due")
NOTHING = Snapshot(
    status="none", has_access=False, plan=None, price_id=None, quantity=None, ends_at=None
)


def link(destination: str = BILLING_HOME, *, redeemed: bool = True) -> Link:
    return Link(
        link_id="link_1",
        org_id="org_acme",
        customer_id="cus_1",
        destination=destination,
        subscription_id=None,
        target_lookup_key=None,
        reason="ticket",
        created_by="ada",
        created_by_role="support",
        sender_name=None,
        created_at=T0 - timedelta(hours=1),
        expires_at=T0 + timedelta(hours=71),
        uses_allowed=1,
        uses=1,
        last_redeemed_at=T0 if redeemed else None,
        revoked_at=None,
        revoked_by=None,
        refusal_code=None,
        revision_at_redeem=1,
    )


def changes(*states: Snapshot | None, after: timedelta = timedelta(minutes=2)) -> list[Change]:
    """One change after the other, from each state to the next."""
    return [
        Change(T0 + after, T0 + after, before, state)
        for before, state in pairwise(states)
        if state is not None
    ]


def seen(*types: str, after: timedelta = timedelta(minutes=2)) -> list[SeenEvent]:
    return [SeenEvent(T0 + after, T0 + after, type_, "obj_1") for type_ in types]


def result(came: News | None) -> Result | None:
    return came.result if came is not None else None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((PRO, ENDING), Result.ENDING),
        ((ENDING, PRO), Result.CONTINUES),
        ((PRO, ENDING, PRO), Result.CONTINUES),
        ((PRO, ENDED), Result.ENDED),
        ((PRO, ENDING, ENDED), Result.ENDED),
        ((NOTHING, PRO), Result.STARTED),
        ((None, PRO), Result.STARTED),
        ((None, NOTHING), None),
        ((ENDED, PRO), Result.STARTED),
        ((PRO, PAUSED), Result.PAUSED),
        ((PAUSED, PRO), Result.CONTINUES),
        ((PRO, TEAM), Result.PLAN_CHANGED),
        ((PRO, MORE), Result.QUANTITY_CHANGED),
        ((LATE, PRO), Result.UPDATED),
        ((PRO, PRO), None),
    ],
)
def test_what_an_entitlements_changes_mean_to_the_customer(
    states: tuple[Snapshot | None, ...], expected: Result | None
) -> None:
    assert result(news(link(), changes(*states), [])) is expected


@pytest.mark.parametrize(
    ("destination", "types", "expected"),
    [
        (UPDATE_PAYMENT_METHOD, ("payment_method.attached",), Result.PAYMENT_METHOD),
        (UPDATE_PAYMENT_METHOD, ("customer.updated",), Result.PAYMENT_METHOD),
        (BILLING_HOME, ("payment_method.attached", "customer.updated"), Result.PAYMENT_METHOD),
        (BILLING_HOME, ("customer.updated",), Result.DETAILS),
        (UPDATE_DETAILS, ("payment_method.updated", "customer.updated"), Result.DETAILS),
        (CHECKOUT, ("checkout.session.completed",), Result.UPDATED),
        (CHECKOUT, ("customer.updated", "payment_method.attached"), None),
        (SWITCH_PLAN, ("customer.subscription.updated",), None),
        (CANCEL_SUBSCRIPTION, ("invoice.paid",), None),
    ],
)
def test_what_events_without_a_change_of_entitlement_mean(
    destination: str, types: tuple[str, ...], expected: Result | None
) -> None:
    assert result(news(link(destination), [], seen(*types))) is expected


def test_nothing_came_of_a_link_that_nobody_redeemed() -> None:
    assert news(link(redeemed=False), changes(PRO, ENDING), seen("customer.updated")) is None


def test_a_change_a_day_later_is_not_put_down_to_the_link() -> None:
    late = WINDOW + timedelta(seconds=1)
    assert (
        news(link(), changes(PRO, ENDING, after=late), seen("customer.updated", after=late)) is None
    )


def test_older_news_that_only_arrives_now_is_not_put_down_to_the_link() -> None:
    stripe_time = T0 - timedelta(hours=2)
    change = Change(T0 + timedelta(seconds=3), stripe_time, PRO, ENDING)
    event = SeenEvent(T0 + timedelta(seconds=3), stripe_time, "customer.updated", "cus_1")
    assert news(link(), [change], [event]) is None


def test_a_rebuild_of_the_rows_is_not_put_down_to_the_link() -> None:
    assert news(link(), [Change(T0 + timedelta(seconds=3), None, PRO, ENDING)], []) is None
