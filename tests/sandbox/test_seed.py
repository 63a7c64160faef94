"""The sample company: what people and tests can rely on finding."""

from __future__ import annotations

import time
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox.account import Account
from sandbox.seed import seed
from sandbox.seed.catalogue import MOVED_KEY, PLAN_KEYS
from tests.sandbox.conftest import World

DAY = 86_400
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def now() -> int:
    return int(time.time())


@pytest.fixture(scope="module")
def company(now: int) -> Iterator[Account]:
    account = seed.write_history(now, "http://127.0.0.1:1")
    yield account
    account.store.close()


@pytest.fixture(scope="module")
def subscriptions(company: Account) -> list[dict[str, Any]]:
    return company.store.all("subscription")


@pytest.fixture(scope="module")
def events(company: Account) -> list[tuple[str, int, dict[str, Any]]]:
    rows = company.store.connection.execute("SELECT type, created, json FROM events")
    return [(row[0], row[1], orjson.loads(row[2])) for row in rows]


def test_there_is_enough_to_look_at(
    company: Account, events: list[tuple[str, int, dict[str, Any]]]
) -> None:
    assert len(company.store.all("customer")) >= 220
    assert 6_000 <= len(events) <= 10_000


def test_nothing_happens_after_now_or_before_two_years_ago(
    events: list[tuple[str, int, dict[str, Any]]], now: int, company: Account
) -> None:
    created = [event[1] for event in events]
    assert max(created) <= now
    assert min(created) == now - 730 * DAY
    assert company.store.next_due(now) is None


def test_every_lookup_key_of_the_products_plans_is_sold(company: Account) -> None:
    plans = tomllib.loads((ROOT / "billing.toml").read_text(encoding="utf-8"))["plans"]
    wanted = {key for plan in plans.values() for key in plan["lookup_keys"]}
    assert wanted == set(PLAN_KEYS)
    sold = {price["lookup_key"] for price in company.store.all("price")}
    assert wanted <= sold


def test_every_status_and_both_billing_modes_occur(subscriptions: list[dict[str, Any]]) -> None:
    statuses = Counter(each["status"] for each in subscriptions)
    assert statuses.keys() == {
        "active",
        "canceled",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    }
    assert statuses["past_due"] >= 5
    assert statuses["trialing"] >= 7
    assert {each["billing_mode"]["type"] for each in subscriptions} == {"classic", "flexible"}
    assert {each["currency"] for each in subscriptions} == {"usd", "eur", "gbp", "jpy"}


def test_about_fifteen_are_winding_down_over_the_next_sixty_days(
    subscriptions: list[dict[str, Any]], now: int
) -> None:
    leaving = [
        each
        for each in subscriptions
        if each["status"] in {"active", "trialing"} and each["cancel_at"]
    ]
    assert 12 <= len(leaving) <= 22
    days = sorted((each["cancel_at"] - now) // DAY for each in leaving)
    assert days[0] >= 0
    assert days[-1] <= 60
    assert len([each for each in days if each > 28]) >= 5
    assert any(each["cancellation_details"]["comment"] for each in leaving)


def test_there_is_one_of_each_rarity(company: Account, subscriptions: list[dict[str, Any]]) -> None:
    legacy = next(p for p in company.store.all("price") if p["nickname"] == "Legacy 2019 deal")
    assert legacy["lookup_key"] is None
    living = [each for each in subscriptions if each["status"] == "active"]
    assert [len(each["items"]["data"]) for each in subscriptions].count(2) == 1
    assert [each["items"]["data"][0]["price"]["id"] for each in living].count(legacy["id"]) == 1
    assert sum(each["pause_collection"] is not None for each in living) == 1
    assert sum(each["schedule"] is not None for each in living) == 2
    per_customer = Counter(each["customer"] for each in living)
    assert list(per_customer.values()).count(2) == 1
    subscribed = {each["customer"] for each in subscriptions}
    assert len([c for c in company.store.all("customer") if c["id"] not in subscribed]) == 12


def test_a_moved_lookup_key_left_customers_on_the_old_price(
    company: Account,
    subscriptions: list[dict[str, Any]],
    events: list[tuple[str, int, dict[str, Any]]],
) -> None:
    [moved] = [event for event in events if event[0] == "price.updated"]
    old = company.store.get("price", moved[2]["object"]["id"])
    assert moved[2]["previous"] == {"lookup_key": MOVED_KEY}
    assert old["lookup_key"] is None
    paying = [s for s in subscriptions if s["items"]["data"][0]["price"]["id"] == old["id"]]
    assert len(paying) == 5
    assert all(s["items"]["data"][0]["price"]["lookup_key"] is None for s in paying)


def test_names_come_in_many_scripts_and_some_are_hostile(company: Account) -> None:
    names = [each["name"] for each in company.store.all("customer")]
    letters = {unicodedata.name(letter, "").split(" ")[0] for name in names for letter in name}
    wanted = {"CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HANGUL", "DEVANAGARI", "KATAKANA"}
    assert wanted <= letters
    assert any("<script>alert(1)</script>" in name for name in names)
    assert len(set(names)) == len(names)


def test_orgs_are_known_by_metadata_by_checkout_or_not_at_all(company: Account) -> None:
    customers = company.store.all("customer")
    by_metadata = {each["id"] for each in customers if each["metadata"].get("org_id")}
    by_checkout = {
        each["customer"]
        for each in company.store.all("checkout.session")
        if each["client_reference_id"]
    }
    assert len(by_metadata) >= 80
    assert len(by_checkout) >= 60
    assert not by_metadata & by_checkout
    assert 3 <= len({each["id"] for each in customers} - by_metadata - by_checkout) <= 25


@pytest.mark.parametrize(
    ("name", "org_id", "mode", "key"),
    [
        ("Acme Robotics", "org_acme", "classic", "pro_monthly"),
        ("Blue Harbor", "org_blueharbor", "flexible", "team_monthly"),
    ],
)
def test_two_orgs_to_try_things_on_are_easily_found(
    company: Account, name: str, org_id: str, mode: str, key: str
) -> None:
    [customer] = [each for each in company.store.all("customer") if each["name"] == name]
    assert customer["metadata"] == {"org_id": org_id}
    [subscription] = company.store.all("subscription", {"customer": customer["id"]})
    assert (subscription["status"], subscription["cancel_at"]) == ("active", None)
    assert subscription["billing_mode"]["type"] == mode
    assert subscription["items"]["data"][0]["price"]["lookup_key"] == key


def test_the_history_is_the_same_every_time_but_for_the_events_ids(
    company: Account, now: int
) -> None:
    again = seed.write_history(now, "http://127.0.0.1:1")
    for kind in ("customer", "subscription", "price"):
        assert again.store.all(kind) == company.store.all(kind)
    ids = "SELECT id FROM events"
    first = set(company.store.connection.execute(ids))
    assert first.isdisjoint(again.store.connection.execute(ids))
    again.store.close()


def test_seeding_delivers_the_history_in_the_order_of_time_and_happens_once(world: World) -> None:
    world.receiver.parses = False
    assert world.control.seed()
    assert not world.control.seed()
    receiver = world.delivered()
    created = [each.event["created"] for each in receiver.received]
    assert len(created) > 6_000
    # Deliveries overlap, so neighbours may swap places, but nothing is far from its turn.
    assert min(created) in created[:32]
    out_of_turn = [
        place
        for place, (moment, due) in enumerate(zip(created, sorted(created), strict=True))
        if abs(moment - due) > 20 * DAY
    ]
    assert len(out_of_turn) < len(created) / 50
    [default] = world.v1.billing_portal.configurations.list({"is_default": True}).data
    assert default.features.subscription_update.enabled
    [acme] = world.v1.customers.list({"email": "billing@acmerobotics.example"}).data
    assert world.portal(acme.id).startswith(world.url)
