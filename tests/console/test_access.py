"""Attacks on the way into the console, and faults of what it keeps, over real HTTP and WebSockets."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from playwright.sync_api import Browser, expect

from billing_core.commands import ReconcileNow
from billing_core.errors import SettingsError
from billing_core.settings import ROOT
from console import commands, event_work, identity
from console.identity import Principal
from console.oidc_settings import roles_by_claim
from console.passwords import password_matches
from console.settings import ConsoleSettings, console_settings
from console.users import NO_PASSWORD, User, UserFile
from tests.console.browsing import fresh, sign_in, window
from tests.console.serving import COOKIE, PASSWORD, Console, write_users


def test_guesses_made_at_once_are_not_free(console: Console) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: console.sign_in("admin", "wrong"), range(24)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {401: 5, 429: 19}


def test_a_guesser_does_not_keep_somebody_out_of_a_browser_that_they_use(
    console: Console,
) -> None:
    right = {"username": "admin", "password": PASSWORD}
    with console.client() as own, console.client() as guesser:
        assert own.post("/signin", data=right).status_code == 303
        own.post("/signout")
        for _ in range(8):
            guesser.post("/signin", data={**right, "password": "wrong"})
        assert guesser.post("/signin", data=right).status_code == 429
        assert own.post("/signin", data=right).status_code == 303
        wrong = [own.post("/signin", data={**right, "password": "wrong"}) for _ in range(6)]
        assert [answer.status_code for answer in wrong] == [401] * 5 + [429]


@pytest.mark.parametrize("forgery", ["none", "HS256", "another user's", "a session's"])
def test_a_forged_browser_cookie_buys_no_tries(console: Console, forgery: str) -> None:
    claims = {"sub": "admin", "jti": "x", "aud": "console-browser", "exp": 9_999_999_999}
    secret = console.variables()["COMMAND_SECRET"]
    forged = {
        "none": jwt.encode(claims, "", algorithm="none"),
        "HS256": jwt.encode(claims, secret, algorithm="HS256"),
        "another user's": console.sign_in("support").cookies["console_browser"],
        "a session's": console.session_of("support"),
    }[forgery]
    with console.client() as client:
        client.cookies.set("console_browser", forged)
        wrong = {"username": "admin", "password": "wrong"}
        statuses = [client.post("/signin", data=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_a_session_id_that_was_planted_before_the_sign_in_opens_nothing(console: Console) -> None:
    planted = "a" * 43
    before = console.session_of("finance")
    for cookie in (planted, before):
        with console.client(cookie) as client:
            form = {"username": "support", "password": PASSWORD}
            answer = client.post("/signin", data=form)
        assert answer.cookies[COOKIE] != cookie
        assert not console.lets_in(cookie)
        assert console.lets_in(answer.cookies[COOKIE])


def test_another_site_cannot_open_the_websocket_with_somebodys_cookie(console: Console) -> None:
    session = console.session_of("support")
    assert console.websocket_status(session, origin="https://evil.example") == 403
    assert console.websocket_status(session, origin="null") == 403
    assert console.websocket_status(session, origin=console.url) == 101


def test_a_console_that_has_just_started_opens_no_page_past_its_sign_in(
    fresh_console: Console,
) -> None:
    """Streamlit itself would take the files of pages/ for pages until somebody has been here."""
    with fresh_console.client() as client:
        assert client.get("/audit").status_code == 303
    assert fresh_console.websocket_status(None) == 403
    assert fresh_console.websocket_status(fresh_console.session_of("support")) == 101


def test_a_sessions_file_that_was_removed_ends_the_sessions_and_is_made_anew(
    fresh_console: Console,
) -> None:
    session = fresh_console.session_of("support")
    fresh_console.sessions.unlink()
    assert not fresh_console.lets_in(session)
    assert fresh_console.lets_in(fresh_console.session_of("support"))


def test_a_sessions_file_that_cannot_be_used_is_a_sentence(fresh_console: Console) -> None:
    session = fresh_console.session_of("support")
    fresh_console.sessions.write_bytes(b"this is no database" * 100)
    assert not fresh_console.lets_in(session)
    answer = fresh_console.sign_in("support")
    assert answer.status_code == 503
    assert "CONSOLE_SESSIONS" in answer.text
    with fresh_console.client(session) as client:
        assert "You are still signed in." in client.post("/signout").text
    assert "Traceback" not in fresh_console.log.read_text(encoding="utf-8")


def test_a_user_without_a_password_costs_one_check_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def check(_password: str, stored: str) -> bool:
        checked.append(stored)
        return True

    monkeypatch.setattr("console.passwords.Hasher.check_pw", check)
    user = User("jane@example.com", "Jane", "", frozenset({"admin"}), False, NO_PASSWORD)  # noqa: FBT003
    assert not password_matches(user, NO_PASSWORD)
    assert not password_matches(user, "")
    assert len(checked) == 2
    assert NO_PASSWORD not in checked


def test_every_setting_of_the_console_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    missing = [
        name.upper() for name in ConsoleSettings.model_fields if f"\n{name.upper()}=" not in example
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"CONSOLE_PASSWORD_SIGN_IN": "false"}, "nobody could sign in"),
        ({"CONSOLE_OIDC_ISSUER": "https://id.example"}, "CONSOLE_OIDC_CLIENT_ID"),
        ({"CONSOLE_OIDC_ISSUER": "http://id.example"}, "https"),
        ({"CONSOLE_OIDC_ROLES": "boss=king"}, "CONSOLE_OIDC_ROLES"),
        ({"CONSOLE_OIDC_SCOPES": "email"}, "openid"),
        (
            {
                "CONSOLE_OIDC_ISSUER": "https://id.example",
                "CONSOLE_OIDC_CLIENT_ID": "x",
                "CONSOLE_OIDC_CLIENT_SECRET": "hidden",
                "CONSOLE_OIDC_REDIRECT_URL": "https://console.example/elsewhere",
            },
            "/oauth2callback",
        ),
    ],
)
def test_half_a_configuration_of_sign_in_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    console_settings.cache_clear()
    try:
        with pytest.raises(SettingsError, match=words) as refusal:
            console_settings().oidc()
        assert "hidden" not in str(refusal.value)
    finally:
        console_settings.cache_clear()


def test_a_groups_name_may_hold_what_separates_elsewhere() -> None:
    found = roles_by_claim("cn=bill,ou=x=support; a b = admin, ops;")
    assert found == {"cn=bill,ou=x": {"support"}, "a b": {"admin", "ops"}}


def test_a_page_that_is_the_first_to_be_opened_still_asks_for_the_role(
    browser: Browser, fresh_console: Console
) -> None:
    with window(browser) as context:
        page = context.new_page()
        sign_in(page, f"{fresh_console.url}/users", "support")
        expect(fresh(page.get_by_text("Not for your role"))).to_be_visible()
        expect(page.get_by_text("admin@example.com")).to_have_count(0)


@pytest.mark.parametrize(
    "now",
    [
        None,
        Principal("jane", "", "", frozenset({"support"})),
        Principal("x", "", "", frozenset({"ops"})),
    ],
)
def test_a_button_asks_for_nothing_once_its_page_was_drawn_for_somebody_else(
    monkeypatch: pytest.MonkeyPatch, now: Principal | None
) -> None:
    """Signed out, of another role, or another person: what counts is who presses it."""
    asked: list[object] = []
    monkeypatch.setattr(identity, "current", lambda: now)
    monkeypatch.setattr(commands, "ask_about_events", lambda *given: asked.append(given))
    drawn_for = Principal("jane", "Jane", "", frozenset({"ops"}))
    event_work.ask(drawn_for, ReconcileNow())
    assert asked == []


def test_a_users_file_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    write_users(real, {"ann": "admin"})
    link = tmp_path / "users.yaml"
    link.symlink_to(real)
    UserFile(link).change(lambda entries: entries["ann"].update(email="new@example.com"))
    assert link.is_symlink()
    assert "new@example.com" in real.read_text(encoding="utf-8")


def test_a_users_file_that_cannot_be_written_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"CONSOLE_USERS.*cannot be written.*Nothing was"):
        UserFile(Path("/dev/null/users.yaml")).change(dict.clear)
