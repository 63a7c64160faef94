"""What the console may ask about links: checked again, recorded, and answered in sentences."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from billing_core.commands import sign_command
from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
)
from billing_core.links import return_token, token_hash
from tests.links.stage import PATH, SUPPORT, Stage
from tests.support import patient
from tests.support.listener import COMMAND_SECRET


@pytest.fixture(scope="module")
def acme(stage: Stage) -> str:
    """An org with a subscription that no test changes."""
    return stage.subscriber()[0]


def create(**fields: object) -> dict[str, object]:
    return {"kind": "create", "destination": BILLING_HOME, "reason": "ticket #12", **fields}


def links_of(stage: Stage, org_id: str) -> int:
    [(count,)] = stage.rows("SELECT count(*) FROM portal_links WHERE org_id = :o", o=org_id)
    return int(count)


def audit_of(stage: Stage, org_id: str) -> list[tuple[Any, ...]]:
    return stage.rows(
        "SELECT actor, action, outcome, destination, reason, detail FROM audit_log"
        " WHERE org_id = :o ORDER BY audit_id",
        o=org_id,
    )


def test_a_link_is_answered_once_with_its_address_and_kept_as_hashes_alone(
    stage: Stage, acme: str
) -> None:
    made = stage.create(acme, BILLING_HOME, sender_name="Ada Lovelace")
    address, _, token = made["url"].rpartition("/")
    assert address == f"{stage.url}/links"
    assert len(token) == 43
    [kept] = stage.rows("SELECT * FROM portal_links WHERE link_id = :i", i=made["link_id"])
    assert token_hash(token) in kept
    assert token_hash(return_token(token)) in kept
    assert token not in str(kept)
    assert return_token(token) not in str(kept)


def test_a_link_lives_72_hours_and_works_once_unless_asked_otherwise(
    stage: Stage, acme: str
) -> None:
    now = datetime.now(UTC)
    usual = datetime.fromisoformat(stage.create(acme, BILLING_HOME)["expires_at"])
    assert abs(usual - now - timedelta(hours=72)) < timedelta(minutes=1)
    longest = stage.create(acme, BILLING_HOME, lifetime_hours=720, uses=20)
    assert datetime.fromisoformat(longest["expires_at"]) - now > timedelta(days=29, hours=23)


def test_making_a_link_is_in_the_audit_log_with_who_for_whom_and_why(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, CANCEL_SUBSCRIPTION, reason="asked by phone")
    assert audit_of(stage, org_id) == [
        ("ada", "support_link.create", "created", "Cancel subscription", "asked by phone", None)
    ]
    [(link_id,)] = stage.rows("SELECT link_id FROM audit_log WHERE org_id = :o", o=org_id)
    assert link_id == made["link_id"]


def test_a_role_without_the_right_is_refused_and_recorded(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    answer = stage.command(create(org_id=org_id), by="fin", roles=frozenset({"finance"}))
    assert answer.status_code == 403
    assert links_of(stage, org_id) == 0
    assert [row[:3] for row in audit_of(stage, org_id)] == [
        ("fin", "support_link.create", "denied")
    ]


def test_a_command_is_done_once_however_often_its_token_comes(stage: Stage, acme: str) -> None:
    before = links_of(stage, acme)
    fields = create(org_id=acme)
    token = sign_command(
        COMMAND_SECRET, username="ada", roles=SUPPORT, path=PATH, body=orjson.dumps(fields)
    )
    assert stage.command(fields, token=token).status_code == 201
    again = stage.command(fields, token=token)
    assert again.status_code == 409
    assert "url" not in again.json()
    assert links_of(stage, acme) == before + 1


@pytest.mark.parametrize("fault", ["forged", "another path", "another body", "none"])
def test_a_token_that_does_not_vouch_for_this_command_is_refused(
    stage: Stage, acme: str, fault: str
) -> None:
    body = orjson.dumps(create(org_id=acme))
    secret = "another-secret-of-32-characters-or-more" if fault == "forged" else COMMAND_SECRET
    token = sign_command(
        secret,
        username="ada",
        roles=SUPPORT,
        path="/commands/audit" if fault == "another path" else PATH,
        body=b"{}" if fault == "another body" else body,
    )
    headers = {} if fault == "none" else {"authorization": f"Bearer {token}"}
    before = links_of(stage, acme)
    answer = stage.listener.client.post(PATH, content=body, headers=headers)
    assert answer.status_code == 401
    assert links_of(stage, acme) == before


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"org_id": "org_nobody"}, "org_id"),
        ({"destination": "Free money"}, "destination"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x\x00yz"}, "reason"),
        ({"lifetime_hours": 721}, "lifetime_hours"),
        ({"lifetime_hours": 0}, "lifetime_hours"),
        ({"uses": 0}, "uses"),
        ({"uses": 21}, "uses"),
        ({"destination": CANCEL_SUBSCRIPTION, "subscription_id": "sub_other"}, "subscription_id"),
        ({"destination": CHANGE_TO_A_GIVEN_PLAN}, "target_lookup_key"),
        ({"destination": CHANGE_TO_A_GIVEN_PLAN, "target_lookup_key": "gold"}, "target_lookup_key"),
        *[
            ({"return_path": path}, "return_path")
            for path in ("//evil.example", "https:evil", "/\\evil", "/a\r\nb", "//u:p@evil/")
        ],
    ],
)
def test_what_makes_no_sense_is_refused_with_the_field_named(
    stage: Stage, acme: str, fields: dict[str, object], names: str
) -> None:
    before = links_of(stage, acme)
    answer = stage.command({**create(org_id=acme), **fields})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(names)
    assert links_of(stage, acme) == before
    newest = "SELECT actor, action, outcome FROM audit_log ORDER BY audit_id DESC LIMIT 1"
    assert stage.rows(newest) == [("ada", "command.send", "refused")]


def test_one_of_several_subscriptions_must_be_chosen(stage: Stage) -> None:
    org_id, customer_id = stage.customer()
    first, second = stage.subscribe(customer_id), stage.subscribe(customer_id)
    stage.settle()
    unclear = stage.command(create(org_id=org_id, destination=CANCEL_SUBSCRIPTION))
    assert unclear.status_code == 422
    assert "several subscriptions" in unclear.json()["error"]
    for chosen in (first, second):
        stage.create(org_id, CANCEL_SUBSCRIPTION, subscription_id=chosen)


def test_a_link_that_could_not_be_redeemed_now_is_not_made(stage: Stage) -> None:
    org_id, subscription_id = stage.subscriber()
    stage.v1.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
    stage.settle()
    answer = stage.command(create(org_id=org_id, destination=CANCEL_SUBSCRIPTION))
    assert answer.status_code == 409
    assert "Already set to end on" in answer.json()["error"]
    checkout = create(org_id=org_id, destination=CHECKOUT, target_lookup_key="pro_monthly")
    assert stage.command(checkout).status_code == 409
    assert links_of(stage, org_id) == 0


def test_a_revoked_link_leads_nowhere_and_stays_so(stage: Stage, acme: str) -> None:
    made = stage.create(acme, BILLING_HOME)
    revoke: dict[str, object] = {"kind": "revoke", "link_id": made["link_id"]}
    assert stage.command(revoke, by="grace").status_code == 201
    assert stage.redeem(made["url"], BILLING_HOME).status_code == 410
    assert "withdrawn" in patient.get(made["url"]).text
    assert stage.command(revoke).status_code == 409
    extend = {"kind": "extend", "link_id": made["link_id"], "lifetime_hours": 24}
    assert stage.command(extend).status_code == 409
    [(by,)] = stage.rows(
        "SELECT revoked_by FROM portal_links WHERE link_id = :i", i=made["link_id"]
    )
    assert by == "grace"


def test_an_expired_link_works_again_once_it_is_extended(stage: Stage, acme: str) -> None:
    made = stage.create(acme, BILLING_HOME)
    stage.expire(made["link_id"])
    assert "expired" in patient.get(made["url"]).text
    answer = stage.command(
        {"kind": "extend", "link_id": made["link_id"], "lifetime_hours": 24, "reason": "was ill"}
    )
    assert answer.status_code == 201
    assert stage.redeem(made["url"], BILLING_HOME).status_code == 303
    assert ("ada", "support_link.extend", "extended", "Billing home", "was ill", None) in audit_of(
        stage, acme
    )


def test_extending_and_revoking_what_does_not_exist_or_without_the_right_is_refused(
    stage: Stage, acme: str
) -> None:
    made = stage.create(acme, BILLING_HOME)
    assert stage.command({"kind": "revoke", "link_id": "link_none"}).status_code == 422
    ops = stage.command({"kind": "revoke", "link_id": made["link_id"]}, roles=frozenset({"ops"}))
    assert ops.status_code == 403
    assert patient.get(made["url"]).status_code == 200
