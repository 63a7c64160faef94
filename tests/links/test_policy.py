"""What ``billing.toml`` decides about links."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
)
from tests.links.stage import CONFIG, Stage, set_up
from tests.support.databases import fresh_sqlite

POLICY = """made_per_hour = 3
longest_days = 2
lifetime_hours = 1
record_address = true
retention_coupon = "stay20"
"""


@pytest.fixture(scope="module")
def stage(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage under a strict policy."""
    folder = tmp_path_factory.mktemp("policy")
    config = CONFIG.replace("made_per_hour = 100000\n", POLICY)
    with set_up(fresh_sqlite(folder, sqlite_template), folder, config=config) as running:
        yield running


def test_one_person_makes_only_so_many_links_in_an_hour(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    fields: dict[str, object] = {
        "kind": "create",
        "org_id": org_id,
        "destination": BILLING_HOME,
        "reason": "ticket #12",
    }
    answers = [stage.command(fields, by="eager") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert stage.command(fields, by="grace").status_code == 201
    denied = stage.rows("SELECT actor, detail FROM audit_log WHERE outcome = 'denied'")
    assert denied == [("eager", "rate_limited")]


def test_nobody_makes_or_extends_a_link_beyond_the_longest_life(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME, lifetime_hours=48)
    longer = {"kind": "extend", "link_id": made["link_id"], "lifetime_hours": 49}
    answer = stage.command(longer)
    assert answer.status_code == 422
    assert "2 days at most" in answer.json()["error"]


def test_the_customers_address_is_written_down_where_the_company_asks_for_it(
    stage: Stage,
) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    headers = {"x-forwarded-for": "203.0.113.77"}
    assert stage.redeem(made["url"], BILLING_HOME, **headers).status_code == 303
    begun = stage.rows("SELECT detail FROM audit_log WHERE outcome = 'begun'")
    assert begun == [("203.0.113.77",)]


def test_whoever_is_about_to_cancel_is_offered_the_companys_coupon(stage: Stage) -> None:
    stage.v1.coupons.create({"id": "stay20", "percent_off": 20, "duration": "once"})
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION)
    assert stage.redeem(made["url"], CANCEL_SUBSCRIPTION).status_code == 303
    newest = stage.sandbox.account.store.all("billing_portal.session")[-1]
    retention = newest["flow"]["subscription_cancel"]["retention"]
    assert retention["coupon_offer"] == {"coupon": "stay20"}


def made_by_lin(stage: Stage, org_id: str, destination: str, **fields: object) -> str:
    """The address of a link by somebody who has made few yet."""
    command = {"kind": "create", "org_id": org_id, "destination": destination, "reason": "T-1"}
    answer = stage.command({**command, **fields}, by="lin")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


def test_a_link_made_without_the_offer_asks_nobody_to_stay(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    url = made_by_lin(stage, org_id, CANCEL_SUBSCRIPTION, offers_coupon=False)
    assert stage.redeem(url, CANCEL_SUBSCRIPTION).status_code == 303
    newest = stage.sandbox.account.store.all("billing_portal.session")[-1]
    assert newest["flow"]["subscription_cancel"]["retention"] is None


def test_a_given_change_of_quantity_reaches_stripe_as_it_was_chosen(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    same_plan: dict[str, object] = {"target_lookup_key": "pro_monthly", "target_quantity": 7}
    url = made_by_lin(stage, org_id, CHANGE_TO_A_GIVEN_PLAN, **same_plan)
    assert stage.redeem(url, CHANGE_TO_A_GIVEN_PLAN).status_code == 303
    newest = stage.sandbox.account.store.all("billing_portal.session")[-1]
    [item] = newest["flow"]["subscription_update_confirm"]["items"]
    assert (item["price"], item["quantity"]) == (stage.prices["pro_monthly"], 7)
