"""The console's commands: who may have what recorded, and that the record cannot be changed."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import Engine

from billing_core.commands import sign_command
from tests.listener.conftest import Rows
from tests.support.listener import COMMAND_SECRET, Listener, reading, run_command
from webhook_listener import audit

PATH = "/commands/audit"
BEGIN = {
    "kind": "begin",
    "action": "portal_link.mint",
    "org_id": "org_acme",
    "destination": "subscription_cancel",
    "reason": "Ticket 4711",
}


def send(
    listener: Listener,
    command: object,
    *,
    user: str = "ann",
    roles: frozenset[str] = frozenset({"support"}),
    token: str | None = None,
) -> httpx.Response:
    body = command if isinstance(command, bytes) else json.dumps(command).encode()
    if token is None:
        token = sign_command(COMMAND_SECRET, username=user, roles=roles, path=PATH, body=body)
    headers = {"authorization": f"Bearer {token}"}
    return listener.client.post(PATH, content=body, headers=headers)


def begin(listener: Listener) -> int:
    answer = send(listener, BEGIN)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["audit_id"])


def test_a_begun_and_completed_mint_is_recorded(listener: Listener, rows: Rows) -> None:
    begun = begin(listener)
    answer = send(listener, {"kind": "complete", "audit_id": begun, "outcome": "minted"})
    assert answer.status_code == 201
    recorded = rows(
        "SELECT actor, role, action, outcome, org_id, destination, follows FROM audit_log"
        " WHERE audit_id IN (:a, :b) ORDER BY audit_id",
        a=begun,
        b=answer.json()["audit_id"],
    )
    same = ("ann", "support", "portal_link.mint")
    assert recorded == [
        (*same, "begun", "org_acme", "subscription_cancel", None),
        (*same, "minted", "org_acme", "subscription_cancel", begun),
    ]


def test_a_role_without_the_right_is_refused_and_that_is_recorded(
    listener: Listener, rows: Rows
) -> None:
    answer = send(listener, BEGIN, user="fin", roles=frozenset({"finance", "wizard"}))
    assert answer.status_code == 403
    last = rows("SELECT actor, outcome FROM audit_log ORDER BY audit_id DESC LIMIT 1")
    assert last == [("fin", "denied")]


def test_what_the_console_refused_is_recorded_for_any_role(listener: Listener, rows: Rows) -> None:
    command = {"kind": "denied", "action": "audit.read", "org_id": None}
    answer = send(listener, command, roles=frozenset())
    assert answer.status_code == 201
    found = rows("SELECT outcome FROM audit_log WHERE audit_id = :i", i=answer.json()["audit_id"])
    assert found == [("denied",)]


def test_a_change_of_users_is_recorded_with_whom_it_concerns_and_how_it_went(
    listener: Listener, rows: Rows
) -> None:
    change = {"kind": "user", "action": "user.set_roles", "username": "jane", "roles": "ops"}
    begun = send(listener, change, roles=frozenset({"admin"})).json()["audit_id"]
    done = {"kind": "complete", "audit_id": begun, "outcome": "done"}
    assert send(listener, done, roles=frozenset({"admin"})).status_code == 201
    recorded = rows(
        "SELECT actor, action, outcome, destination, detail, follows FROM audit_log"
        " WHERE audit_id >= :a ORDER BY audit_id",
        a=begun,
    )
    assert recorded == [
        ("ann", "user.set_roles", "begun", "jane", "ops", None),
        ("ann", "user.set_roles", "done", "jane", None, begun),
    ]


@pytest.mark.parametrize(
    ("action", "username", "roles", "status"),
    [
        ("user.disable", "jane", {"support", "finance", "ops"}, 403),
        ("user.reset_password", "ann", {"support"}, 403),
        ("user.change_password", "jane", {"admin"}, 403),
        ("user.change_password", "ann", {"support"}, 201),
        ("user.remove", "jane", {"admin"}, 201),
        ("user.promote", "jane", {"admin"}, 422),
    ],
)
def test_users_are_changed_by_administrators_and_a_password_by_its_owner_alone(
    listener: Listener, rows: Rows, action: str, username: str, roles: set[str], status: int
) -> None:
    change = {"kind": "user", "action": action, "username": username}
    assert send(listener, change, roles=frozenset(roles)).status_code == status
    if status != 422:
        last = rows("SELECT action, outcome FROM audit_log ORDER BY audit_id DESC LIMIT 1")
        assert last == [(action, "begun" if status == 201 else "denied")]


def test_somebody_elses_entry_cannot_be_completed(listener: Listener, rows: Rows) -> None:
    begun = begin(listener)
    complete = {"kind": "complete", "audit_id": begun, "outcome": "minted"}
    assert send(listener, complete, user="eve").status_code == 403
    assert send(listener, complete).status_code == 201


def test_an_entry_gets_its_outcome_once(listener: Listener) -> None:
    complete = {"kind": "complete", "audit_id": begin(listener), "outcome": "refused"}
    assert send(listener, {**complete, "detail": "flow_disabled"}).status_code == 201
    assert send(listener, {**complete, "outcome": "minted"}).status_code == 409


def done(rows: Rows) -> int:
    """How many lines tell of something else than a refusal at the door."""
    [(count,)] = rows("SELECT count(*) FROM audit_log WHERE action <> 'command.send'")
    return int(count)


def newest(rows: Rows) -> tuple[object, ...]:
    """Who, as what, did what, how it went and why, in the newest line."""
    [line] = rows(
        "SELECT actor, role, action, outcome, detail FROM audit_log ORDER BY audit_id DESC LIMIT 1"
    )
    return line


def test_a_token_works_once(listener: Listener, rows: Rows) -> None:
    body = json.dumps(BEGIN).encode()
    token = sign_command(
        COMMAND_SECRET, username="ann", roles=frozenset({"support"}), path=PATH, body=body
    )
    assert send(listener, body, token=token).status_code == 201
    before = done(rows)
    assert send(listener, body, token=token).status_code == 409
    assert done(rows) == before
    assert newest(rows) == ("ann", "support", "command.send", "refused", "token_repeated")


def forged(
    *, secret: str = COMMAND_SECRET, path: str = PATH, body: bytes = json.dumps(BEGIN).encode()
) -> str:
    return sign_command(secret, username="ann", roles=frozenset({"admin"}), path=path, body=body)


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "é",
        forged(secret="another secret that is long enough"),
        forged(path="/commands/links"),
        forged(body=b"{}"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
    ],
)
def test_a_token_that_does_not_vouch_for_this_command_is_refused(
    listener: Listener, rows: Rows, token: str
) -> None:
    before = done(rows)
    answer = listener.client.post(
        PATH,
        content=json.dumps(BEGIN).encode(),
        headers=[(b"authorization", b"Bearer " + token.encode())],
    )
    assert answer.status_code == 401
    assert answer.json()["error"]
    assert done(rows) == before
    assert newest(rows) == ("unknown", "unknown", "command.send", "denied", "token_not_valid")


def test_a_command_without_a_token_is_refused(listener: Listener, rows: Rows) -> None:
    assert listener.client.post(PATH, json=BEGIN).status_code == 401
    assert newest(rows)[3:] == ("denied", "token_missing")


def test_a_token_is_refused_once_it_has_expired(
    listener: Listener, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = time.time() - 120
    with monkeypatch.context() as patch:
        patch.setattr("billing_core.commands.time.time", lambda: long_ago)
        expired = forged()
    answer = send(listener, json.dumps(BEGIN).encode(), token=expired)
    assert answer.status_code == 401
    assert "expired" in answer.json()["error"]
    assert newest(rows)[2:] == ("command.send", "denied", "token_not_valid")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({**BEGIN, "org_id": ""}, "org_id"),
        ({**BEGIN, "reason": "  .  "}, "reason"),
        ({**BEGIN, "reason": "NUL\x00NUL"}, "reason"),
        ({**BEGIN, "action": "launch"}, "action"),
        ({**BEGIN, "surprise": 1}, "surprise"),
        ({**BEGIN, "kind": "undo"}, "kind"),
        ({key: value for key, value in BEGIN.items() if key != "destination"}, "destination"),
        ({"kind": "complete", "audit_id": 10**12, "outcome": "minted"}, "audit_id"),
        ({"kind": "complete", "audit_id": "x", "outcome": "minted"}, "audit_id"),
        ({"kind": "complete", "audit_id": 1, "outcome": "x", "detail": None}, "outcome"),
        (b"not json", "JSON"),
        (b"[]", "kind"),
        (b'{"kind":"denied","action":"\xff"}', "JSON"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_with_the_field(
    listener: Listener, rows: Rows, command: object, field: str
) -> None:
    before = done(rows)
    answer = send(listener, command)
    assert answer.status_code == 422
    assert field in answer.json()["error"]
    assert done(rows) == before
    assert newest(rows)[2:] == ("command.send", "refused", "makes_no_sense")


def test_a_command_of_100_kb_is_refused(listener: Listener) -> None:
    assert send(listener, {**BEGIN, "reason": "x" * 100_000}).status_code == 413


TAMPERING = {
    "a changed reason": ("UPDATE audit_log SET reason = 'x' WHERE audit_id = 3", 3),
    "a changed time": ("UPDATE audit_log SET at = '2020-01-01 00:00:00' WHERE audit_id = 2", 2),
    "a removed entry": ("DELETE FROM audit_log WHERE audit_id = 4", 4),
    "the first entry removed": ("DELETE FROM audit_log WHERE audit_id = 1", 1),
    "the last entry removed": ("DELETE FROM audit_log WHERE audit_id = 6", 6),
    "all entries removed": ("DELETE FROM audit_log", 1),
    "an inserted entry": (
        """
        INSERT INTO audit_log (audit_id, at, actor, role, action, outcome, previous_hash, hash)
        SELECT 7, at, actor, role, action, outcome, hash, hash FROM audit_log WHERE audit_id = 6
        """,
        7,
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(engine: Engine, name: str) -> None:
    statement, first_broken = TAMPERING[name]
    entry = audit.Entry(datetime.now(UTC), "ann", "support", "portal_link.mint", "begun")
    with engine.begin() as connection:
        for number in range(6):
            audit.append(connection, replace(entry, reason=f"Ticket {number}"))
        assert audit.verify(connection) is None
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    with engine.begin() as connection:
        assert audit.verify(connection) == first_broken


def test_the_command_tells_whether_the_log_is_intact(engine: Engine, database_url: str) -> None:
    entry = audit.Entry(datetime.now(UTC), "ann", "support", "portal_link.mint", "begun")
    with engine.begin() as connection:
        audit.append(connection, entry)
    checked = run_command(database_url, "audit", "verify")
    assert (checked.returncode, checked.stdout) == (0, "The audit log is intact.\n")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET actor = 'eve'")
    checked = run_command(database_url, "audit", "verify")
    assert checked.returncode == 1
    assert "entry 1 " in checked.stderr


def test_two_listeners_extend_one_chain(start: Callable[..., Listener], database_url: str) -> None:
    """Entries written through both at once still form one unbroken chain."""
    pair = [start(), start()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: begin(pair[number % 2]), range(60)))
    with reading(database_url) as rows:
        assert rows("SELECT count(*), max(audit_id) FROM audit_log") == [(60, 60)]
    assert run_command(database_url, "audit", "verify").returncode == 0


def test_the_chain_starts_from_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        assert audit.verify(connection) is None
