"""The API as Stripe's own client speaks it: keys, errors, lists, idempotency, versions."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
import stripe

from tests.sandbox.conftest import World, is_present
from tests.support import patient


def raw(world: World, method: str, path: str, **more: object) -> httpx.Response:
    headers = {"Authorization": "Bearer sk_test_x", **dict(more.pop("headers", {}))}  # type: ignore[call-overload]
    return patient.request(method, world.url + path, headers=headers, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer sk_live_abc", "Bearer nonsense", "Basic sk_test_x"]
)
def test_a_missing_or_foreign_key_is_refused(world: World, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    response = patient.get(f"{world.url}/v1/customers", headers=headers)
    assert response.status_code == 401
    assert "sk_live_abc" not in response.text


def test_restricted_keys_are_accepted(world: World) -> None:
    response = raw(world, "GET", "/v1/events", headers={"Authorization": "Bearer rk_test_1"})
    assert response.status_code == 200


def test_an_unknown_parameter_is_named(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.v1.customers.create({"nmae": "Acme"})  # type: ignore[arg-type]
    assert caught.value.code == "parameter_unknown"
    assert caught.value.user_message == "Received unknown parameter: nmae"


def test_an_unknown_parameter_below_another_is_named_in_full(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.v1.customers.create({"address": {"street": "x"}})  # type: ignore[arg-type]
    assert caught.value.param == "address[street]"


def test_an_unknown_id_is_missing(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.v1.subscriptions.retrieve("sub_x")
    assert caught.value.http_status == 404
    assert caught.value.code == "resource_missing"
    assert caught.value.user_message == "No such subscription: 'sub_x'"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/nothing"), ("POST", "/v1/events")])
def test_an_unknown_route_is_refused_in_stripes_words(world: World, method: str, path: str) -> None:
    response = raw(world, method, path)
    assert response.status_code == 404
    message = response.json()["error"]["message"]
    assert message.startswith(f"Unrecognized request URL ({method}: {path})")


@pytest.mark.parametrize("body", [b"name=%ff%fe", b"a[b=1", b"name=x&name[y]=z", b"\xff\xfe"])
def test_broken_forms_are_refused_without_a_fault(world: World, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = raw(world, "POST", "/v1/customers", content=body, headers=form)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_the_same_idempotency_key_repeats_the_answer_and_does_nothing_twice(world: World) -> None:
    customers = world.v1.customers
    first = customers.create({"name": "Acme"}, {"idempotency_key": "k1"})
    again = customers.create({"name": "Acme"}, {"idempotency_key": "k1"})
    assert again.id == first.id
    assert len(customers.list().data) == 1


def test_an_idempotency_key_with_other_parameters_is_an_error(world: World) -> None:
    world.v1.customers.create({"name": "Acme"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as caught:
        world.v1.customers.create({"name": "Other"}, {"idempotency_key": "k1"})
    assert caught.value.http_status == 400


def test_a_refused_request_does_not_use_up_its_idempotency_key(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        world.v1.products.create({}, {"idempotency_key": "k1"})  # type: ignore[typeddict-item]
    assert world.v1.products.create({"name": "Pro"}, {"idempotency_key": "k1"}).name == "Pro"


def test_a_lost_answer_can_be_asked_for_again_without_a_second_effect(world: World) -> None:
    """The call is done, its answer is a 500; the client's retry gets the first answer."""
    world.control.fail_next(after_effect=True)
    patient = stripe.StripeClient(
        "sk_test_x", base_addresses={"api": world.url}, max_network_retries=2
    )
    patient.v1.customers.create({"name": "Acme"})
    assert [each.name for each in world.v1.customers.list().data] == ["Acme"]


def test_calls_fail_as_asked_and_then_work_again(world: World) -> None:
    world.control.fail_next(2, status=429, error_type="rate_limit_error", path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            world.v1.customers.list()
    assert world.v1.products.list().data == []
    assert world.v1.customers.list().data == []


def test_a_fault_can_be_taken_back(world: World) -> None:
    world.control.fail_next(5)
    world.control.clear_faults()
    assert world.v1.customers.list().data == []


def test_every_answer_carries_the_sandboxs_own_date_and_a_request_id(world: World) -> None:
    began = time.time()
    world.control.advance(days=10)
    response = raw(world, "GET", "/v1/customers", headers={"Stripe-Version": "2024-06-20"})
    date = parsedate_to_datetime(response.headers["Date"]).timestamp()
    assert is_present(date, began, days=10)
    assert response.headers["Request-Id"].startswith("req_")
    assert response.headers["Stripe-Version"] == "2024-06-20"
    assert len(response.headers.get_list("Date")) == 1


def test_lists_are_newest_first_and_cut_by_cursors_both_ways(world: World) -> None:
    made = [world.v1.customers.create({"name": str(number)}).id for number in range(5)]
    newest_first = made[::-1]
    first = world.v1.customers.list({"limit": 2})
    assert [each.id for each in first.data] == newest_first[:2]
    assert first.has_more
    older = world.v1.customers.list({"limit": 2, "starting_after": newest_first[1]})
    assert [each.id for each in older.data] == newest_first[2:4]
    newer = world.v1.customers.list({"limit": 2, "ending_before": newest_first[3]})
    assert [each.id for each in newer.data] == newest_first[1:3]
    assert [each.id for each in first.auto_paging_iter()] == newest_first


def test_customers_are_found_by_their_email(world: World) -> None:
    world.v1.customers.create({"email": "a@x.example"})
    wanted = world.v1.customers.create({"email": "b@x.example"})
    found = world.v1.customers.list({"email": "b@x.example"}).data
    assert [each.id for each in found] == [wanted.id]


def test_metadata_is_merged_and_an_empty_value_removes_its_key(world: World) -> None:
    customer = world.v1.customers.create({"metadata": {"org_id": "org_1", "a": "1", "7": "x"}})
    after = world.v1.customers.update(customer.id, {"metadata": {"a": "", "b": "2"}})
    assert after.metadata is not None
    assert after.metadata.to_dict() == {"org_id": "org_1", "7": "x", "b": "2"}


def test_a_deleted_customer_says_so_and_its_subscription_is_over(world: World) -> None:
    customer = world.customer()
    subscription = world.subscription(customer=customer)
    world.v1.customers.delete(customer)
    assert world.v1.customers.retrieve(customer).deleted
    assert world.read(subscription).status == "canceled"
    assert world.v1.customers.list().data == []
    assert len(world.delivered().of_type("customer.deleted")) == 1


def test_ids_are_expanded_on_request(world: World) -> None:
    subscription = world.subscription()
    expanded = world.v1.subscriptions.retrieve(
        subscription.id, {"expand": ["customer", "latest_invoice", "items.data.price.product"]}
    )
    assert isinstance(expanded.customer, stripe.Customer)
    assert expanded.customer.name == "Acme"
    assert isinstance(expanded.latest_invoice, stripe.Invoice)
    product = expanded.items.data[0].price.product
    assert isinstance(product, stripe.Product)


def test_what_is_no_id_cannot_be_expanded(world: World) -> None:
    customer = world.customer()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        world.v1.customers.retrieve(customer, {"expand": ["friends"]})


def test_events_are_listed_newest_first_by_type_and_time(world: World) -> None:
    world.subscription()
    world.control.advance(days=3)
    customer = world.customer("Later")
    later = world.v1.events.list({"created": {"gte": world.control.now() - 60}}).data
    assert {each.type for each in later} == {"customer.created", "payment_method.attached"}
    created = world.v1.events.list({"type": "customer.created"}).data
    assert created[0].data.object["id"] == customer
    both = world.v1.events.list({"types": ["customer.created", "invoice.paid"]}).data
    assert [each.type for each in both] == ["customer.created", "invoice.paid", "customer.created"]


def test_events_before_the_oldest_seen_come_in_time_order(world: World) -> None:
    """`ending_before` with auto-paging walks forward from a known event, as a recovery does."""
    world.customer("first")
    seen = world.v1.events.list({"limit": 1}).data[0].id
    names = [f"missed {number}" for number in range(5)]
    for name in names:
        world.v1.customers.create({"name": name})
    missed = world.v1.events.list({"ending_before": seen, "limit": 2}).auto_paging_iter()
    assert [each.data.object["name"] for each in missed] == names


def test_events_older_than_thirty_days_are_gone_from_the_list(world: World) -> None:
    world.customer()
    old = world.v1.events.list().data[0].id
    world.control.advance(days=31)
    assert world.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        world.v1.events.retrieve(old)


def test_an_event_names_the_request_that_caused_it(world: World) -> None:
    world.v1.customers.create({"name": "Acme"}, {"idempotency_key": "mine"})
    [event] = world.v1.events.list().data
    assert event.request is not None
    assert event.request.idempotency_key == "mine"
    assert (event.request.id or "").startswith("req_")
