"""The indexes behind the search for fragments say what the rows say, whatever happens to these."""

import pytest
from sqlalchemy import delete, update
from sqlmodel import SQLModel

from billing_core import queries
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
