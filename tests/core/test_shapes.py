"""Stripe's JSON over ten years of API versions reads as the same facts, and nothing is guessed."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.config import AccessPolicy
from billing_core.entitlement import status_gives_access, winding_down_until
from billing_core.errors import UnreadableShapeError
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.envelope import read_event
from billing_core.stripe_gateway.shapes import subscription_facts
from tests.support.captured import expected

START, END, LATER = 1_790_000_000, 1_792_592_000, 1_795_184_000
PLAN = {
    "id": "pro",
    "object": "plan",
    "amount": 4900,
    "currency": "eur",
    "interval": "month",
    "interval_count": 1,
    "product": "prod_1",
}
PRICE = {
    "id": "price_1",
    "object": "price",
    "unit_amount": 4900,
    "currency": "eur",
    "lookup_key": "pro_monthly",
    "product": "prod_1",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
}
BASE = {
    "id": "sub_1",
    "object": "subscription",
    "customer": "cus_1",
    "status": "active",
    "created": START,
}
TOP = {"current_period_start": START, "current_period_end": END}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


VERSIONS: dict[str, dict[str, Any]] = {
    "2015: a plan, no items": {**BASE, **TOP, "plan": PLAN, "quantity": 2},
    "2016: items as a list of plans": {
        **BASE, **TOP, "items": {"data": [{"id": "si_1", "plan": PLAN, "quantity": 2}]},
    },
    "a bare list of items": {**BASE, **TOP, "items": [{"plan": PLAN, "quantity": 2}]},
    "items empty, plan beside": {**BASE, **TOP, "items": {}, "plan": PLAN, "quantity": 2},
    "2020: plan and price": {
        **BASE, **TOP, "plan": PLAN,
        "items": {"data": [{"id": "si_1", "plan": PLAN, "price": {**PRICE, "id": "pro"},
                            "quantity": 2}]},
    },
    "2025: the period on the items": {
        **BASE,
        "items": {"data": [{"id": "si_1", "price": {**PRICE, "id": "pro"}, "quantity": 2,
                            "current_period_start": START, "current_period_end": END}]},
    },
    "2025: on both": {
        **BASE, **TOP,
        "items": {"data": [{"id": "si_1", "price": {**PRICE, "id": "pro"}, "quantity": 2,
                            "current_period_start": START, "current_period_end": END}]},
    },
    "the customer expanded": {
        **BASE, **TOP, "customer": {"id": "cus_1", "object": "customer"}, "plan": PLAN,
        "quantity": 2,
    },
    "fields of the future": {
        **BASE, **TOP, "plan": {**PLAN, "new": [1]}, "quantity": 2, "brand_new": {"a": None},
    },
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_reads_as_the_same_subscription(version: str) -> None:
    facts = subscription_facts(VERSIONS[version])
    assert (facts.subscription_id, facts.customer_id, facts.status) == ("sub_1", "cus_1", "active")
    assert (facts.current_period_start, facts.current_period_end) == (at(START), at(END))
    [item] = facts.items
    assert (item.price_id, item.quantity, item.unit_amount) == ("pro", 2, 4900)
    assert (item.currency, item.interval, item.interval_count) == ("eur", "month", 1)
    assert item.product_id == "prod_1"


def read(**changes: Any) -> Any:  # noqa: ANN401
    return subscription_facts({**VERSIONS["2025: the period on the items"], **changes})


@pytest.mark.parametrize(
    ("changes", "ends_at"),
    [
        ({"cancel_at_period_end": True}, END),
        ({"cancel_at_period_end": True, "cancel_at": None}, END),
        ({"cancel_at_period_end": True, "cancel_at": END}, END),
        ({"cancel_at_period_end": False, "cancel_at": LATER}, LATER),
        ({"cancel_at": LATER}, LATER),
        ({}, None),
        ({"cancel_at_period_end": None, "cancel_at": None}, None),
        ({"cancel_at": LATER, "status": "canceled"}, None),
    ],
)
def test_a_pending_end_is_read_in_every_way_it_is_told(
    changes: dict[str, Any], ends_at: int | None
) -> None:
    expected = at(ends_at) if ends_at is not None else None
    assert winding_down_until(read(**changes)) == expected


def test_of_several_items_the_latest_period_counts() -> None:
    items = [
        {"price": PRICE, "current_period_start": START, "current_period_end": END},
        {"price": PRICE, "current_period_start": START, "current_period_end": LATER},
    ]
    facts = read(items={"data": items})
    assert facts.current_period_end == at(LATER)
    assert [item.quantity for item in facts.items] == [None, None]


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ({**PRICE, "unit_amount": 0}, 0),
        ({**PRICE, "unit_amount": None}, None),
        ({**PRICE, "unit_amount": None, "unit_amount_decimal": "0.5"}, None),
        ({**PRICE, "unit_amount": None, "unit_amount_decimal": "12.0"}, 12),
        ({**PRICE, "unit_amount": None, "unit_amount_decimal": "NaN"}, None),
        ("price_only_an_id", None),
    ],
)
def test_an_amount_is_read_whole_or_not_at_all(price: object, amount: int | None) -> None:
    assert read(items=[{"price": price}]).items[0].unit_amount == amount


@pytest.mark.parametrize("quantity", [None, 0, 1, 10**6])
def test_a_missing_or_zero_quantity_stays_what_it_is(quantity: int | None) -> None:
    assert read(items=[{"price": PRICE, "quantity": quantity}]).items[0].quantity == quantity


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"id": "sub\x00"},
        {"id": "s" * 256},
        {"status": None},
        {"status": 3},
        {"items": "all"},
        {"items": {"data": "all"}},
        {"items": [7]},
        {"items": [{"price": 7}]},
        {"items": [{"price": {**PRICE, "id": None}}]},
        {"items": [{"price": PRICE, "quantity": "2"}]},
        {"items": [{"price": PRICE, "quantity": -1}]},
        {"items": [{"price": PRICE, "quantity": True}]},
        {"items": [{"price": PRICE, "quantity": 2**60}]},
        {"items": [{"price": {**PRICE, "recurring": "month"}}]},
        {"items": [{"price": {**PRICE, "unit_amount": None, "unit_amount_decimal": "x"}}]},
        {"cancel_at": "soon"},
        {"cancel_at": True},
        {"cancel_at": 10**18},
        {"cancel_at_period_end": "yes"},
        {"cancellation_details": "bye"},
        {"pause_collection": [1]},
        {"trial_end": 1.5},
    ],
)
def test_what_makes_no_sense_is_named_and_not_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableShapeError) as fault:
        read(**changes)
    assert str(fault.value)


def test_a_status_of_the_future_is_kept_as_it_is() -> None:
    facts = read(status="hibernating")
    assert facts.status == "hibernating"
    assert not status_gives_access(facts.status, None, AccessPolicy())
    assert status_gives_access(facts.status, "active", AccessPolicy())


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    sorted(
        {
            *BASE,
            *TOP,
            "items",
            "plan",
            "quantity",
            "cancel_at",
            "trial_end",
            "cancellation_details",
            "pause_collection",
            "schedule",
        }
    )
)


@given(st.dictionaries(_FIELDS, _ANY, max_size=4))
def test_any_shape_is_read_or_named(changes: dict[str, Any]) -> None:
    try:
        facts = read(**changes)
    except UnreadableShapeError:
        return
    assert facts.subscription_id
    assert hash(facts) == hash(read(**changes))


def test_before_overlays_deeply_and_null_means_absent() -> None:
    now = {"a": 1, "deep": {"x": 1, "y": 2}, "list": [1, 2], "new": 5}
    was = shapes.before(now, {"deep": {"x": 9}, "list": [3], "new": None, "gone": {"z": 1}})
    assert was == {"a": 1, "deep": {"x": 9, "y": 2}, "list": [3], "new": None, "gone": {"z": 1}}
    assert now["deep"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ([], "not a JSON object"),
        ("text", "not a JSON object"),
        (None, "not a JSON object"),
        ({}, "no data.object"),
        ({"data": 3}, "no data.object"),
        ({"data": {"object": []}}, "no data.object"),
        ({"data": {"object": {}}}, "no usable id"),
        ({"id": 5, "data": {"object": {}}}, "no usable id"),
        ({"id": "evt_1", "data": {"object": {}}}, "no usable type"),
        ({"id": "evt_1", "type": "x", "data": {"object": {}}}, "created"),
        ({"id": "evt_1", "type": "x", "created": "now", "data": {"object": {}}}, "created"),
    ],
)
def test_what_is_no_event_is_told_so(payload: object, words: str) -> None:
    with pytest.raises(UnreadableShapeError, match=words):
        read_event(payload)


@pytest.mark.parametrize(
    ("more", "account", "request_id"),
    [
        ({}, None, None),
        ({"request": None, "account": None, "api_version": None}, None, None),
        ({"request": "req_1"}, None, "req_1"),
        ({"request": {"id": "req_1", "idempotency_key": None}}, None, "req_1"),
        ({"account": "acct_1"}, "acct_1", None),
        ({"context": "acct_2"}, "acct_2", None),
    ],
)
def test_the_envelope_is_read_in_every_version(
    more: dict[str, Any], account: str | None, request_id: str | None
) -> None:
    event = read_event(
        {"id": "evt_1", "type": "x.y", "created": START,
         "data": {"object": {"id": "in_1", "customer": {"id": "cus_1"}}}, **more}
    )  # fmt: skip
    assert (event.account, event.request_id) == (account, request_id)
    assert (event.object_id, event.customer_id, event.livemode) == ("in_1", "cus_1", False)


def test_a_customer_names_its_org_in_the_metadata() -> None:
    customer = {"id": "cus_1", "object": "customer", "metadata": {"org_id": " org_1 ", "team": "t"}}
    assert shapes.customer_facts(customer, "org_id").claimed_org_id == "org_1"
    assert shapes.customer_facts(customer, "team").claimed_org_id == "t"
    assert shapes.customer_facts(customer, "other").claimed_org_id is None
    assert shapes.customer_facts({"id": "cus_1", "deleted": True}, "org_id").deleted


def test_a_name_of_blanks_is_none_so_that_something_is_left_to_read() -> None:
    customer = {"id": "cus_1", "object": "customer", "name": " \t ", "description": "Acme"}
    assert shapes.customer_facts(customer, "org_id").name == "Acme"
    assert shapes.customer_facts({**customer, "description": " "}, "org_id").name is None
    assert shapes.customer_facts({**customer, "name": " Acme "}, "org_id").name == " Acme "


def test_published_payloads_read_as_expected() -> None:
    of_subscriptions = [
        (body, row)
        for body, row in expected()
        if row["event_type"].startswith("customer.subscription.")
    ]
    assert of_subscriptions
    for body, row in of_subscriptions:
        event = read_event(orjson.loads(body))
        facts = subscription_facts(event.object)
        assert facts.subscription_id == row["subscription_id"], row["file"]
        assert facts.current_period_end is not None
        assert facts.current_period_end.strftime("%Y-%m-%dT%H:%M:%SZ") == row["current_period_end"]
        keys = [item.lookup_key or item.price_id or "" for item in facts.items]
        assert ",".join(keys) == row["price_key"], row["file"]
        deleted = row["event_type"].endswith("deleted")
        status = "canceled" if deleted else facts.status
        assert status == row["status"], row["file"]
        access = status_gives_access(status, status, AccessPolicy())
        assert ("yes" if access else "no") == row["has_access"], row["file"]
        pending = access and winding_down_until(facts) is not None
        assert ("yes" if pending else "no") == row["winding_down"], row["file"]
