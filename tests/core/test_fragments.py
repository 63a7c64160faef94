"""The indexes behind the search for fragments say what the rows say, whatever happens to these."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import SQLModel

from billing_core import queries
from billing_core.queries import Order, choosing
from tests.core.company import CONFIG, Company, company_on
from webhook_listener import schema

ORGANIZATIONS = SQLModel.metadata.tables["organizations"]


@pytest.fixture
def acme(database_url: str) -> Company:
    made = company_on(database_url)
    made.subscribe("org_acme", name="Acme Robotics", email="ada@acme.example")
    made.subscribe("org_tokyo", name="株式会社アクメ東京", email="info@akume.example")
    return made


def found(company: Company, text: str) -> set[str]:
    with company.reader.connect() as connection:
        page = queries.search_organizations(connection, text, config=CONFIG)
    return {row.org_id for row in page.rows}


def test_an_organization_that_was_renamed_is_found_by_its_new_name_alone(acme: Company) -> None:
    with acme.engine.begin() as connection:
        connection.execute(
            update(ORGANIZATIONS)
            .where(ORGANIZATIONS.c.org_id == "org_acme")
            .values(name="Zenith Ltd", email="zed@zenith.example")
        )
    assert found(acme, "nith") == {"org_acme"}
    assert found(acme, "zed@z") == {"org_acme"}
    assert found(acme, "robot") == set()
    assert found(acme, "ada@ac") == set()


def test_an_organization_that_is_gone_is_not_found(acme: Company) -> None:
    with acme.engine.begin() as connection:
        connection.execute(delete(ORGANIZATIONS).where(ORGANIZATIONS.c.org_id == "org_acme"))
    assert found(acme, "robot") == set()


def test_one_without_a_name_is_found_by_its_address_and_one_without_either_by_its_id(
    acme: Company,
) -> None:
    with acme.engine.begin() as connection:
        connection.execute(
            ORGANIZATIONS.insert(),
            [
                {"org_id": "org_addressed", "name": None, "email": "who@nameless.example"},
                {"org_id": "org_neither", "name": None, "email": None},
            ],
        )
    assert found(acme, "nameless") == {"org_addressed"}
    assert found(acme, "org_nei") == {"org_neither"}


@pytest.mark.parametrize("text", ["東京", "京", "アクメ", "社アク", "会社"])
def test_one_character_is_enough_where_it_may_be_a_word(acme: Company, text: str) -> None:
    assert found(acme, text) == {"org_tokyo"}


def test_of_one_or_two_latin_letters_names_that_begin_with_them_are_found(acme: Company) -> None:
    acme.subscribe("org_rob", name="Robert & Co", email="r@other.example")
    assert found(acme, "ro") == {"org_rob"}
    assert found(acme, "A") == {"org_acme"}


def test_what_was_there_before_the_indexes_is_found_by_them(acme: Company) -> None:
    schema.migrate_down(acme.engine, "0006")
    schema.migrate(acme.engine)
    assert found(acme, "robot") == {"org_acme"}
    assert found(acme, "東京") == {"org_tokyo"}


def test_of_those_who_hold_a_text_the_newest_come_first_whenever_they_became_known(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "RARE", 3)
    company = company_on(database_url)
    days = {"org_second": 2, "org_third": 3, "org_first": 1, "org_moved": 9, "org_undated": None}
    with company.engine.begin() as connection:
        for org_id, day in days.items():
            created = datetime(2026, 3, day, tzinfo=UTC) if day else None
            connection.execute(
                ORGANIZATIONS.insert().values(org_id=org_id, name="Acme", created_at=created)
            )
        connection.execute(
            update(ORGANIZATIONS)
            .where(ORGANIZATIONS.c.org_id == "org_moved")
            .values(created_at=datetime(2026, 3, 2, 12, tzinfo=UTC))
        )
    expected = ["org_third", "org_moved", "org_second", "org_first", "org_undated"]
    assert listed(company, "acme") == expected
    schema.migrate_down(company.engine, "0015")
    schema.migrate(company.engine)
    assert listed(company, "acme") == expected


def test_pages_end_and_go_on_within_a_second_in_which_many_came_to_be(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "RARE", 3)
    company = company_on(database_url)
    second = datetime(2026, 3, 1, 12, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {
            "org_id": f"org_{number * 7 % 61:02}",
            "name": "Acme" if number % 3 else "Other",
            "created_at": second
            + timedelta(seconds=number // 30, microseconds=number % 5 + number % 2 * 999_990),
        }
        for number in range(61)
    ]
    with company.engine.begin() as connection:
        connection.execute(ORGANIZATIONS.insert(), rows)
    named = [row for row in rows if row["name"] == "Acme"]
    named.sort(key=lambda row: (row["created_at"], row["org_id"]))
    ids = [row["org_id"] for row in named]
    assert listed(company, "acme", Order.OLDEST) == ids
    assert listed(company, "acme", Order.NEWEST) == ids[::-1]


def listed(company: Company, text: str, order: Order = Order.NEWEST) -> list[str]:
    """Everybody on the list, four on a page."""
    found: list[str] = []
    cursor = None
    while True:
        with company.reader.connect() as connection:
            page = queries.search_organizations(
                connection, text, order=order, after=cursor, limit=4, config=CONFIG
            )
        found += [row.org_id for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found
