"""Sign-in and the gate before the console, over real HTTP and WebSockets."""

import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import yaml

from console.passwords import hash_password
from tests.console.serving import COOKIE, Console, running_console, write_users

MISMATCH = "That user name and password do not match."


def _edit_users(console: Console, edit: Callable[[dict[str, Any]], object]) -> None:
    document = yaml.safe_load(console.users.read_text(encoding="utf-8"))
    edit(document["credentials"]["usernames"])
    console.users.write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/organization?org=org_acme&tab=a%20b",
        "/media/0123456789abcdef.csv",
        "/_stcore/metrics",
        "/_stcore/host-config",
        "/_stcore/upload_file/a/b",
        "/static/js/index.js",
        "/signin/",
        "/signinx",
        "/signin.css/",
        "/_stcore/health/",
        "/favicon.png",
    ],
)
def test_a_stranger_is_led_to_the_sign_in_from_everywhere(console: Console, path: str) -> None:
    with console.client() as client:
        answer = client.get(path)
    assert answer.status_code == 303
    location = httpx.URL(answer.headers["location"])
    assert location.path == "/signin"
    assert location.params.get("next", "/") == path
    assert answer.content == b""


def test_a_stranger_cannot_upload_or_delete(console: Console) -> None:
    with console.client() as client:
        assert client.put("/_stcore/upload_file/a/b", content=b"x").status_code == 401
        assert client.delete("/_stcore/upload_file/a/b").status_code == 401


@pytest.mark.parametrize("path", ["/signin", "/signin.css", "/healthz", "/_stcore/health"])
def test_only_the_sign_in_and_the_health_check_are_open(console: Console, path: str) -> None:
    with console.client() as client:
        assert client.get(path).status_code == 200


def test_the_websocket_is_refused_without_a_session_and_accepted_with_one(
    console: Console,
) -> None:
    assert console.websocket_status(None) == 403
    assert console.websocket_status("forged") == 403
    assert console.websocket_status(console.session_of("support")) == 101


def test_signing_in_leads_to_the_page_that_was_asked_for(console: Console) -> None:
    answer = console.sign_in("support", next_path="/organization?org=org_acme")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/organization?org=org_acme"
    assert console.lets_in(answer.cookies[COOKIE])


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(console: Console) -> None:
    cookie = console.sign_in("support").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    with running_console(tmp_path, CONSOLE_URL="https://console.example.com") as console:
        answer = console.sign_in("support")
        with console.client() as client:
            named = client.get("/signin", headers={"Host": "console.example.com"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-console_session=")
    assert "secure" in cookie.lower()
    assert named.status_code == 200
    assert "max-age" in named.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "hostile",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: x=y",
        "evil.example",
        "/signin?next=/",
        "",
    ],
)
def test_next_never_leads_off_the_console(console: Console, hostile: str) -> None:
    answer = console.sign_in("support", next_path=hostile)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    with console.client() as client:
        form = client.get("/signin", params={"next": hostile}).text
    assert 'name="next" value="/"' in form


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(console: Console) -> None:
    wrong = console.sign_in("finance", "not the password")
    unknown = console.sign_in("nobody-here", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert MISMATCH in wrong.text
    assert wrong.text.replace("finance", "…") == unknown.text.replace("nobody-here", "…")
    assert "set-cookie" not in wrong.headers
    assert "set-cookie" not in unknown.headers


def test_a_disabled_user_gets_the_same_answer_as_an_unknown_one(console: Console) -> None:
    _edit_users(console, lambda users: users["ops"].update(disabled=True))
    answer = console.sign_in("ops")
    assert answer.status_code == 401
    assert MISMATCH in answer.text


def _forget_failures(console: Console) -> None:
    with closing(sqlite3.connect(console.sessions)) as connection, connection:
        connection.execute("DELETE FROM signin_failures")


def test_an_unknown_name_takes_as_long_as_a_known_one(console: Console) -> None:
    hashed = hash_password("a password that is slow to check")
    _edit_users(console, lambda users: users["ops"].update(password=hashed))
    console.sign_in("warms-up", "x")

    def seconds(name: str) -> float:
        started = time.perf_counter()
        assert console.sign_in(name, "wrong").status_code == 401
        return time.perf_counter() - started

    # The least of several, taken in turn: whatever else the machine does only adds to them.
    known, unknown = math.inf, math.inf
    for turn in range(12):
        _forget_failures(console)
        known, unknown = min(known, seconds("ops")), min(unknown, seconds("nobody"))
        if turn > 2 and 0.5 < known / unknown < 2:
            break
    assert 0.5 < known / unknown < 2


@pytest.mark.parametrize("name", ["admin", "somebody-who-does-not-exist"])
def test_the_sixth_wrong_try_has_to_wait(console: Console, name: str) -> None:
    answers = [console.sign_in(name, "wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Please wait" in answers[-1].text


def test_waiting_is_enough_to_be_let_in_again(console: Console) -> None:
    for _ in range(6):
        last = console.sign_in("admin", "wrong")
    with closing(sqlite3.connect(console.sessions)) as connection, connection:
        waited = int(last.headers["retry-after"])
        connection.execute("UPDATE signin_failures SET last_at = last_at - ?", [waited])
    assert console.sign_in("admin").status_code == 303
    assert console.sign_in("admin", "wrong").status_code == 401


def test_many_names_from_one_address_are_slowed_too(console: Console) -> None:
    statuses = [console.sign_in(f"name-{n}", "wrong").status_code for n in range(11)]
    assert statuses == [401] * 10 + [429]


def test_a_password_longer_than_bcrypt_takes_is_a_mismatch(console: Console) -> None:
    assert console.sign_in("admin", "x" * 200).status_code == 401
    assert console.sign_in("admin", "nul\0byte").status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"a=1&" * 50, b"username=" + b"x" * 50_000],
    ids=["utf8", "fields", "size"],
)
def test_a_form_that_cannot_be_read_is_refused_with_a_sentence(
    console: Console, body: bytes
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with console.client() as client:
        answer = client.post("/signin", content=body, headers=headers)
    assert answer.status_code == 400
    assert "could not be read" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_can_neither_sign_anybody_in_nor_out(
    console: Console, headers: dict[str, str]
) -> None:
    session = console.session_of("support")
    form = {"username": "support", "password": "correct horse battery"}
    with console.client() as client:
        assert client.post("/signin", data=form, headers=headers).status_code == 403
    with console.client(session) as client:
        assert client.post("/signout", headers=headers).status_code == 403
    assert console.lets_in(session)


def test_signing_out_ends_every_copy_of_the_cookie(console: Console) -> None:
    session = console.session_of("support")
    assert console.lets_in(session)
    with console.client(session) as client:
        assert client.post("/signout").status_code == 303
    assert not console.lets_in(session)
    assert console.websocket_status(session) == 403


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a" * 5000,
        jwt.encode({"username": "admin"}, "", algorithm="none"),
        jwt.encode({"username": "admin", "exp_date": 9e9}, "k" * 32, algorithm="HS256"),
        jwt.encode({"username": "admin", "exp": 1}, "k" * 48, algorithm="HS384"),
        "' OR 1=1 --",
        "é" * 20,
    ],
    ids=range(8),
)
def test_a_forged_or_malformed_cookie_shows_the_form(console: Console, forged: str) -> None:
    with console.client() as client:
        headers = {b"Cookie": f"{COOKIE}={forged}".encode()}
        answer = client.get("/", headers=headers)
        assert answer.status_code == 303
        assert client.get("/signin", headers=headers).status_code == 200


def test_an_expired_session_shows_the_form(console: Console) -> None:
    session = console.session_of("support")
    with closing(sqlite3.connect(console.sessions)) as connection, connection:
        connection.execute("UPDATE sessions SET expires_at = 1")
    assert not console.lets_in(session)


def test_the_sessions_file_holds_nothing_that_opens_the_console(console: Console) -> None:
    session = console.session_of("support")
    held = b"".join(path.read_bytes() for path in console.folder.glob(f"{console.sessions.name}*"))
    assert session.encode() not in held
    assert console.sessions.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["removed", "disabled", "new password"])
def test_whoever_may_not_sign_in_any_more_is_out_at_once(console: Console, change: str) -> None:
    session = console.session_of("support")
    assert console.lets_in(session)
    edits: dict[str, Callable[[dict[str, Any]], object]] = {
        "removed": lambda users: users.pop("support"),
        "disabled": lambda users: users["support"].update(disabled=True),
        "new password": lambda users: users["support"].update(password=hash_password("other one")),
    }
    _edit_users(console, edits[change])
    assert not console.lets_in(session)
    assert console.websocket_status(session) == 403


def test_a_session_survives_a_restart(fresh_console: Console) -> None:
    session = fresh_console.session_of("support")
    fresh_console.stop()
    fresh_console.start()
    assert fresh_console.lets_in(session)


def test_a_users_file_that_cannot_be_read_lets_nobody_in_and_says_so(
    console: Console,
) -> None:
    session = console.session_of("support")
    console.users.write_text("credentials: [", encoding="utf-8")
    assert not console.lets_in(session)
    answer = console.sign_in("support")
    assert answer.status_code == 503
    assert "list of users cannot be read" in answer.text
    write_users(console.users, {"support": "support"})
    assert console.sign_in("support").status_code == 303


def test_another_host_name_for_the_same_address_gets_nothing(console: Console) -> None:
    session = console.session_of("support")
    with console.client(session) as client:
        for host in ("evil.example", "127.0.0.1.evil.example", "x@127.0.0.1", ""):
            answer = client.get("/", headers={"Host": host})
            assert answer.status_code in (400, 421), host
    assert console.websocket_status(session, host="localhost") == 101
    assert console.websocket_status(session, host="evil.example") == 403


@pytest.mark.parametrize("path", ["/signin", "/", "/healthz", "/signin.css"])
def test_every_answer_carries_the_security_headers(console: Console, path: str) -> None:
    with console.client(console.session_of("support")) as client:
        headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_the_sign_in_shows_what_was_typed_as_text(console: Console) -> None:
    answer = console.sign_in('"><script>alert(1)</script>', "wrong")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
