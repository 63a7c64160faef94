"""Who belongs to which org, which plan a price is, and what a late event may not undo."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing_core.config import AccessPolicy, BillingConfig, Plan
from tests.projection.ledger import CONFIG, Ledger
from tests.projection.lives import MONTH, START, Life

Event = dict[str, Any]


@pytest.fixture
def book() -> Iterator[Ledger]:
    ledger = Ledger()
    yield ledger
    ledger.close()


def entitlement(book: Ledger, org_id: str) -> dict[str, Any]:
    return next(
        r for r in book.rows("plan_entitlements", all_columns=True) if r["org_id"] == org_id
    )


def subscribed(
    org_id: str | None = "org_a", price: str = "price_pro", status: str = "active"
) -> Life:
    life = Life()
    customer = life.customer(0, org_id)
    life.now += 1
    life.subscribe(customer, price, status=status, flexible=True)
    return life


def event(type_: str, obj: Event, created: int, **data: Any) -> Event:  # noqa: ANN401 - JSON
    return {
        "id": f"evt_{type_}_{obj.get('id')}_{created}",
        "object": "event",
        "type": type_,
        "created": created,
        "livemode": False,
        "data": {"object": obj, **data},
    }


def price(key: str | None, price_id: str = "price_pro") -> Event:
    return {
        "id": price_id,
        "object": "price",
        "lookup_key": key,
        "unit_amount": 4900,
        "currency": "usd",
        "recurring": {"interval": "month", "interval_count": 1},
    }


def test_a_subscription_gives_its_org_the_plan_of_its_lookup_key(book: Ledger) -> None:
    book.deliver(subscribed().events)
    row = entitlement(book, "org_a")
    assert (row["plan"], row["status"], row["has_access"]) == ("pro", "active", True)
    assert (row["unit_amount"], row["currency"], row["interval"]) == (4900, "usd", "month")
    assert row["ends_at"] is None and row["subscription_id"] == "sub_0"


def test_a_customer_without_a_subscription_has_a_row_with_status_none(book: Ledger) -> None:
    life = Life()
    life.customer(0, "org_a")
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert (row["plan"], row["status"], row["has_access"]) == (None, "none", False)


@pytest.mark.parametrize(
    ("status", "access"),
    [
        ("active", True),
        ("trialing", True),
        ("past_due", True),
        ("incomplete", False),
        ("unpaid", False),
        ("paused", False),
        ("incomplete_expired", False),
        ("hibernating", False),
    ],
)
def test_each_status_gives_the_access_that_the_policy_says(
    book: Ledger, status: str, access: bool
) -> None:
    book.deliver(subscribed(status=status).events)
    assert entitlement(book, "org_a")["has_access"] is access


def test_a_company_may_end_access_while_a_payment_is_overdue() -> None:
    strict = CONFIG.model_copy(update={"access": AccessPolicy(past_due=False)})
    book = Ledger(config=strict)
    book.deliver(subscribed(status="past_due").events)
    assert entitlement(book, "org_a")["has_access"] is False
    book.close()


def test_an_unknown_status_neither_gives_nor_takes_access(book: Ledger) -> None:
    life = subscribed()
    life.now += 10
    life.change("sub_0", status="hibernating")
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert (row["status"], row["has_access"]) == ("hibernating", True)


@pytest.mark.parametrize("flexible", [True, False])
def test_a_cancellation_keeps_access_until_its_date_and_undoing_it_takes_the_date_back(
    book: Ledger, flexible: bool
) -> None:
    life = Life()
    life.subscribe(life.customer(0, "org_a"), "price_pro", status="active", flexible=flexible)
    life.now += 5
    end = life.period_end("sub_0")
    life.change("sub_0", cancel_at_period_end=not flexible, cancel_at=end, canceled_at=life.now)
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert row["has_access"] is True
    assert row["ends_at"].timestamp() == end
    life.now += 5
    life.change("sub_0", cancel_at_period_end=False, cancel_at=None, canceled_at=None)
    book.deliver(life.events[-1:])
    assert entitlement(book, "org_a")["ends_at"] is None


def test_after_the_end_the_plan_stays_in_the_row_without_access(book: Ledger) -> None:
    life = subscribed()
    life.now += MONTH
    life.end("sub_0", "cancellation_requested")
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert (row["plan"], row["status"], row["has_access"]) == ("pro", "canceled", False)
    assert row["ends_at"] is None


def test_a_deleted_event_ends_the_subscription_whatever_its_object_says(book: Ledger) -> None:
    life = subscribed()
    gone = event("customer.subscription.deleted", life.objects["sub_0"], life.now + 9)
    book.deliver([*life.events, gone])
    assert entitlement(book, "org_a")["has_access"] is False
    assert book.rows("subscriptions")[0]["ended_at"].timestamp() == life.now + 9


def test_an_old_subscriptions_late_end_takes_nothing_from_the_newer_one(book: Ledger) -> None:
    life = subscribed()
    life.now += MONTH
    life.subscribe("cus_0", "price_team", status="active", flexible=True)
    life.now += 60
    life.end("sub_0", "cancellation_requested")
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert (row["plan"], row["has_access"], row["subscription_id"]) == ("team", True, "sub_1")


def test_a_price_whose_lookup_key_moved_away_keeps_its_plan(book: Ledger) -> None:
    life = subscribed()
    later = life.now + 100
    book.deliver(life.events)
    moved = event(
        "price.updated", price(None), later, previous_attributes={"lookup_key": "pro_monthly"}
    )
    item = {**life.objects["sub_0"]["items"]["data"][0], "price": price(None)}
    life.now = later + 100
    life.change("sub_0", items={"object": "list", "data": [item]})
    book.deliver([moved, life.events[-1]])
    row = entitlement(book, "org_a")
    assert (row["plan"], row["price_lookup_key"]) == ("pro", "pro_monthly")


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)])
def test_two_keys_of_one_price_in_one_second_are_in_doubt_until_a_later_second(
    book: Ledger, order: tuple[int, ...]
) -> None:
    book.deliver(subscribed(price="price_nobody").events)
    seen = [
        event("price.updated", price(key, "price_nobody"), START + 50)
        for key in ("pro_monthly", "team_monthly")
    ]
    for number in order:
        book.deliver([seen[number]])
    (row,) = (row for row in book.rows("prices") if row["price_id"] == "price_nobody")
    assert row["lookup_key_disputed"] and row["lookup_key"] == "team_monthly"
    book.deliver([event("snapshot.price", price("pro_monthly", "price_nobody"), START + 52)])
    (row,) = (row for row in book.rows("prices") if row["price_id"] == "price_nobody")
    assert not row["lookup_key_disputed"]
    assert entitlement(book, "org_a")["plan"] == "pro"


def test_a_key_learned_later_gives_the_plan_to_who_already_pays_that_price(book: Ledger) -> None:
    life = subscribed(price="price_nobody")
    book.deliver(life.events)
    assert entitlement(book, "org_a")["plan"] is None
    assert entitlement(book, "org_a")["has_access"] is True
    book.deliver([event("price.updated", price("team_monthly", "price_nobody"), START + 50)])
    assert entitlement(book, "org_a")["plan"] == "team"
    assert book.rows("entitlement_changes")[-1]["cause"] == "price"


def test_mapping_a_price_in_the_file_and_rebuilding_heals_it_once(book: Ledger) -> None:
    book.deliver(subscribed(price="price_nobody").events)
    book.config = BillingConfig.model_validate(
        {"plans": {"legacy": Plan(name="Legacy", retired_price_ids=("price_nobody",))}}
    )
    assert book.reproject() == ("org_a",)
    assert entitlement(book, "org_a")["plan"] == "legacy"
    assert book.reproject() == ()


def test_the_plan_comes_from_the_item_that_maps_and_the_rest_are_add_ons(book: Ledger) -> None:
    life = subscribed(price="price_nobody")
    second = {**life._item("sub_0", "price_team", 7), "id": "si_second"}
    second["current_period_end"] += MONTH
    life.now += 1
    items = [life.objects["sub_0"]["items"]["data"][0], second]
    life.change("sub_0", items={"object": "list", "data": items})
    book.deliver(life.events)
    row = entitlement(book, "org_a")
    assert (row["plan"], row["quantity"], row["price_id"]) == ("team", 7, "price_team")
    assert row["current_period_end"].timestamp() == second["current_period_end"]
    assert len(book.rows("subscriptions")[0]["items"]) == 2


def test_a_customers_org_comes_from_metadata_then_checkout_then_its_own_id(book: Ledger) -> None:
    life = subscribed(org_id=None)
    book.deliver(life.events)
    assert entitlement(book, "cus_0")["plan"] == "pro"
    session = {
        "id": "cs_1",
        "object": "checkout.session",
        "customer": "cus_0",
        "client_reference_id": "org_checkout",
    }
    book.deliver([event("checkout.session.completed", session, life.now)])
    assert [row["org_id"] for row in book.rows("organizations")] == ["org_checkout"]
    assert entitlement(book, "org_checkout")["plan"] == "pro"
    named = {**life.objects["cus_0"], "metadata": {"org_id": "org_named"}}
    book.deliver(
        [
            event(
                "customer.updated",
                named,
                life.now + 5,
                previous_attributes={"metadata": {"org_id": None}},
            )
        ]
    )
    assert [row["org_id"] for row in book.rows("organizations")] == ["org_named"]
    assert [row["org_id"] for row in book.rows("plan_entitlements")] == ["org_named"]
    assert {row["org_id"] for row in book.rows("webhook_events")} == {"org_named"}


def test_a_subscription_that_comes_before_its_customer_waits_under_the_customers_id(
    book: Ledger,
) -> None:
    life = subscribed()
    customer, subscription = life.events
    book.deliver([subscription])
    assert entitlement(book, "cus_0")["has_access"] is True
    book.deliver([customer])
    assert [row["org_id"] for row in book.rows("plan_entitlements")] == ["org_a"]
    assert entitlement(book, "org_a")["has_access"] is True


def test_of_two_customers_that_claim_one_org_the_older_keeps_it_and_the_other_is_marked(
    book: Ledger,
) -> None:
    life = subscribed()
    life.now += 100
    other = life.customer(1, "org_a")
    life.subscribe(other, "price_team", status="active", flexible=False)
    book.deliver(life.events)
    rows = {row["customer_id"]: row for row in book.rows("customers")}
    assert rows["cus_0"]["org_id"] == "org_a" and rows["cus_0"]["conflicting_org_id"] is None
    assert rows["cus_1"]["org_id"] == "cus_1" and rows["cus_1"]["conflicting_org_id"] == "org_a"
    assert entitlement(book, "org_a")["plan"] == "pro"
    assert entitlement(book, "cus_1")["plan"] == "team"


def test_an_org_that_a_customer_only_mentions_moves_nobody_into_the_org_it_asks_for(
    book: Ledger,
) -> None:
    """Its Checkout named an org that its metadata overrules; that org then gets another customer."""
    life = Life()
    holder, asker, other = (life.customer(n, org) for n, org in enumerate(["org_a", "org_a", None]))
    life.now += 10
    life.check_out(asker, "org_b")
    life.now += 10
    life.check_out(other, "org_b")
    book.deliver(life.events)
    org_of = {row["customer_id"]: row["org_id"] for row in book.rows("customers")}
    assert org_of == {holder: "org_a", asker: asker, other: "org_b"}


def test_a_deleted_customers_org_stays_without_a_customer_and_a_new_one_may_take_it(
    book: Ledger,
) -> None:
    life = subscribed()
    life.now += 10
    life.end("sub_0", "cancellation_requested")
    gone = event("customer.deleted", life.objects["cus_0"], life.now + 1)
    book.deliver([*life.events, gone])
    assert book.rows("organizations")[0]["stripe_customer_id"] is None
    life.now += 100
    life.customer(1, "org_a")
    book.deliver(life.events[-1:])
    assert [row["stripe_customer_id"] for row in book.rows("organizations")] == ["cus_1"]


@pytest.mark.parametrize(
    ("family", "table", "key"),
    [
        ("customer", "customers", "customer_id"),
        ("price", "prices", "price_id"),
        ("product", "products", "product_id"),
    ],
)
def test_a_late_update_never_revives_what_was_deleted(
    book: Ledger, family: str, table: str, key: str
) -> None:
    obj = {"id": "obj_1", "object": family, "name": "Old", "metadata": {}}
    late = {**obj, "name": "New"}
    book.deliver(
        [event(f"{family}.created", obj, START), event(f"{family}.deleted", obj, START + 9)]
    )
    outcomes = book.deliver([event(f"{family}.updated", late, START + 20)])
    row = next(r for r in book.rows(table) if r[key] == "obj_1")
    assert row["deleted"] is True
    assert [found.outcome.value for found in outcomes] == ["stale"]


def test_each_change_is_written_down_with_before_after_and_its_event(book: Ledger) -> None:
    life = subscribed()
    life.now += 10
    life.change("sub_0", status="past_due")
    book.deliver(life.events, batch=10)
    changes = book.rows("entitlement_changes")
    assert [change["after"]["status"] for change in changes] == ["none", "active", "past_due"]
    assert changes[-1]["before"]["status"] == "active"
    assert changes[-1]["event_id"] == life.events[-1]["id"]


def test_an_update_that_alters_nothing_we_keep_adds_no_change(book: Ledger) -> None:
    life = subscribed()
    life.now += 10
    life.change("sub_0", metadata={"colour": "blue"})
    book.deliver(life.events)
    assert len(book.rows("entitlement_changes")) == 2
    assert entitlement(book, "org_a")["last_event_id"] == life.events[-1]["id"]


def test_a_shape_that_cannot_be_understood_is_parked_with_a_sentence_and_holds_up_nobody(
    book: Ledger,
) -> None:
    life = subscribed()
    odd = event("customer.subscription.updated", {"id": "sub_9", "status": 7}, START)
    outcomes = {found.event_id: found for found in book.deliver([odd, *life.events], batch=10)}
    assert outcomes[odd["id"]].outcome.value == "parked"
    assert "status is not text" in str(outcomes[odd["id"]].error)
    assert entitlement(book, "org_a")["has_access"] is True


def test_an_event_that_nothing_handles_is_ignored_and_still_belongs_to_its_org(
    book: Ledger,
) -> None:
    life = subscribed()
    invoice = event("invoice.paid", {"id": "in_1", "customer": "cus_0"}, life.now + 1)
    found = book.deliver([*life.events, invoice])[-1]
    assert (found.outcome.value, found.org_id) == ("ignored", "org_a")


def test_an_id_that_was_redacted_in_its_payload_still_names_the_deciding_event(
    book: Ledger,
) -> None:
    life = subscribed()
    life.now += 10
    life.change("sub_0", status="past_due")
    life.change("sub_0", status="active")
    *earlier, middle, last = life.events
    book.deliver([*earlier, last])
    book.redact_ids()
    book.deliver([middle])
    assert book.rows("subscriptions")[0]["event_id"] == last["id"]
