"""The Users page and one-time passwords, in a real browser with a real listener behind them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from billing_core.errors import BillingError
from billing_core.settings import settings
from console import commands, identity, managing, people, user_changes
from console.identity import Principal
from console.sessions import Session, SessionStore
from console.user_changes import Change
from console.users import UserError, UserFile
from tests.console.browsing import copied, fresh, idle, sign_in, window
from tests.console.serving import COOKIE, PASSWORD, Console, running_console, write_users
from tests.console.stack import HOSTILE, Stack
from tests.support.listener import COMMAND_SECRET

OWN = "a password of my own"


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("users"), **stack.variables) as console:
        yield console


@contextmanager
def _page(browser: Browser, desk: Console, username: str, address: str) -> Iterator[Page]:
    with window(browser) as context:
        page = context.new_page()
        sign_in(page, f"{desk.url}{address}", username)
        yield page


def _one_time_password(page: Page) -> str:
    expect(fresh(page.get_by_text("It is shown here this once."))).to_be_visible()
    shown = page.locator(".st-key-one_time code")
    expect(shown).not_to_be_empty()
    return shown.inner_text().strip()


def _audited(stack: Stack, username: str) -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for row in stack.audit() if row[4] == username]


def test_somebody_new_gets_a_one_time_password_and_chooses_their_own_on_the_way_to_a_page(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    with _page(browser, desk, "admin", "/users") as page, window(browser) as theirs:
        fresh(page.get_by_role("button", name="Add user")).click()
        fresh(page.get_by_label("Full name")).fill(HOSTILE)
        fresh(page.get_by_label("Username")).fill("Newcomer")
        idle(page)
        fresh(page.get_by_role("button", name="Add user")).click()
        expect(fresh(page.get_by_text("Choose at least one role"))).to_be_visible()
        fresh(page.get_by_role("combobox")).click()
        page.get_by_role("option", name="Finance").click()
        page.keyboard.press("Escape")
        fresh(page.get_by_role("button", name="Add user")).click()
        password = _one_time_password(page)
        expect(fresh(page.get_by_role("heading", name=HOSTILE))).to_be_visible()
        fresh(page.get_by_role("button", name="Copy password")).click()
        assert copied(page) == password

        newcomer = theirs.new_page()
        newcomer.goto(f"{desk.url}/organizations?q=acme")
        newcomer.get_by_label("Username").fill("newcomer")
        newcomer.get_by_label("Password").fill(password)
        newcomer.get_by_role("button", name="Sign in").click()
        expect(newcomer.get_by_role("heading", name="Choose your password")).to_be_visible()
        session = next(each["value"] for each in theirs.cookies() if each["name"] == COOKIE)
        assert not desk.lets_in(session), "a one-time password opens nothing else"
        for new, again, sentence in (
            ("a new password", "another password", "differ"),
            (password, password, "the password you have"),
        ):
            newcomer.get_by_label("New password", exact=True).fill(new)
            newcomer.get_by_label("New password again").fill(again)
            newcomer.get_by_role("button", name="Save and go on").click()
            expect(newcomer.get_by_role("alert")).to_contain_text(sentence)
        newcomer.get_by_label("New password", exact=True).fill(OWN)
        newcomer.get_by_label("New password again").fill(OWN)
        newcomer.get_by_role("button", name="Save and go on").click()
        expect(newcomer).to_have_url(f"{desk.url}/organizations?q=acme")

        fresh(page.get_by_role("link", name="All users")).click()
        expect(fresh(page.get_by_role("button", name="Add user"))).to_be_visible()
        assert password not in page.content()
    assert desk.sign_in("newcomer", password).status_code == 401
    assert desk.sign_in("newcomer", OWN).status_code == 303
    assert _audited(stack, "newcomer") == [
        ("admin", "user.add", "begun"),
        ("admin", "user.add", "done"),
        ("newcomer", "user.change_password", "begun"),
        ("newcomer", "user.change_password", "done"),
    ]
    told = f"{stack.audit()}{desk.log.read_text(encoding='utf-8')}"
    assert password not in told
    assert OWN not in told
    assert "$2b$" not in told


def test_whoever_presses_add_twice_in_a_hurry_still_gets_the_password(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    with _page(browser, desk, "admin", "/users") as page:
        for number, hesitating in enumerate((0, 70, 140)):  # milliseconds between the presses
            fresh(page.get_by_role("button", name="Add user")).click()
            fresh(page.get_by_label("Full name")).fill("Hurried")
            fresh(page.get_by_label("Username")).fill(f"Hurried{number}")
            fresh(page.get_by_role("combobox")).click()
            page.get_by_role("option", name="Finance").click()
            page.keyboard.press("Escape")
            idle(page)
            fresh(page.get_by_role("button", name="Add user")).dblclick(delay=hesitating)
            assert _one_time_password(page)
            assert len(_audited(stack, f"hurried{number}")) <= 2, "begun and done"
            fresh(page.get_by_role("link", name="All users")).click()


def test_a_one_time_password_that_was_asked_for_twice_in_a_hurry_lets_in(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    UserFile(desk.users).change(lambda users: users.update(forgetful=dict(users["finance"])))
    with _page(browser, desk, "admin", "/users?user=forgetful") as page:
        fresh(page.get_by_role("button", name="Give a one-time password")).dblclick(delay=70)
        password = _one_time_password(page)
        idle(page)
        assert desk.sign_in("forgetful", _one_time_password(page)).status_code == 303
        assert len(_audited(stack, "forgetful")) == 2, "begun and done"
        fresh(page.get_by_role("button", name="I have passed it on")).click()
        idle(page)
        fresh(page.get_by_role("button", name="Give a one-time password")).click()
        assert _one_time_password(page) != password


def test_whoever_was_removed_and_is_added_again_at_once_may_sign_in(
    browser: Browser, desk: Console
) -> None:
    with _page(browser, desk, "admin", "/users") as page:
        for _ in range(2):
            fresh(page.get_by_role("button", name="Add user")).click()
            fresh(page.get_by_label("Full name")).fill("Comes back")
            fresh(page.get_by_label("Username")).fill("returner")
            fresh(page.get_by_role("combobox")).click()
            page.get_by_role("option", name="Finance").click()
            page.keyboard.press("Escape")
            idle(page)
            fresh(page.get_by_role("button", name="Add user")).click()
            password = _one_time_password(page)
            assert desk.sign_in("returner", password).status_code == 303
            fresh(page.get_by_role("button", name="Remove…")).click()
            fresh(page.get_by_role("button", name="Remove for good")).click()
            expect(fresh(page.get_by_text("returner is removed."))).to_be_visible()


def test_what_an_administrator_does_takes_effect_at_the_next_click_and_outlives_it(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    with (
        _page(browser, desk, "admin", "/users?user=ops") as page,
        _page(browser, desk, "ops", "/webhooks") as theirs,
    ):
        session = next(each["value"] for each in theirs.context.cookies() if each["name"] == COOKIE)
        fresh(page.get_by_role("combobox")).click()
        page.get_by_role("option", name="Finance").click()
        page.keyboard.press("Escape")
        fresh(page.get_by_role("button", name="Save roles")).click()
        expect(fresh(page.get_by_text("ops has these roles now."))).to_be_visible()
        theirs.get_by_role("link", name="Organizations").click()
        expect(theirs.get_by_role("link", name="Winding down")).to_be_visible()
        fresh(page.get_by_role("button", name="Disable")).click()
        expect(fresh(page.get_by_text("ops is out and stays out."))).to_be_visible()
        theirs.get_by_role("link", name="Webhooks").click()
        expect(fresh(theirs.get_by_text("You have been signed out"))).to_be_visible()
        fresh(page.get_by_role("button", name="Enable")).click()
        expect(fresh(page.get_by_text("ops may sign in again."))).to_be_visible()
        assert not desk.lets_in(session)
        fresh(page.get_by_role("button", name="Give a one-time password")).click()
        _one_time_password(page)
        fresh(page.get_by_role("button", name="I have passed it on")).click()
        expect(page.get_by_text("shown here this once")).to_have_count(0)
        fresh(page.get_by_role("button", name="Remove…")).click()
        fresh(page.get_by_role("button", name="Remove for good")).click()
        expect(fresh(page.get_by_text("ops is removed."))).to_be_visible()
        expect(page.get_by_role("link", name="Ops Example")).to_have_count(0)
    done = [action for _, action, outcome in _audited(stack, "ops") if outcome == "done"]
    assert done == [
        "user.set_roles",
        "user.disable",
        "user.enable",
        "user.reset_password",
        "user.remove",
    ]


def test_the_last_administrator_is_told_why_nothing_was_done(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    with _page(browser, desk, "admin", "/users?user=admin") as page:
        expect(page.get_by_role("button", name="Give a one-time password")).to_have_count(0)
        fresh(page.get_by_role("button", name="Disable")).click()
        expect(fresh(page.get_by_text("admin is the last administrator"))).to_be_visible()
    assert _audited(stack, "admin") == []
    assert desk.sign_in("admin").status_code == 303


def test_whoever_lost_the_right_meanwhile_is_denied_and_that_is_recorded(
    browser: Browser, desk: Console, stack: Stack
) -> None:
    write_users(desk.users, {"boss": "admin", "admin": "admin", "finance": "finance"})
    with _page(browser, desk, "boss", "/users?user=finance") as page:
        expect(fresh(page.get_by_role("button", name="Disable"))).to_be_visible()
        UserFile(desk.users).change(lambda users: users["boss"].update(roles=["support"]))
        fresh(page.get_by_role("button", name="Disable")).click()
        expect(fresh(page.get_by_text("Not for your role"))).to_be_visible()
        expect(
            fresh(page.get_by_text("nothing was changed. The attempt was recorded."))
        ).to_be_visible()
        expect(page.get_by_role("button", name="Disable")).to_have_count(0)
    assert desk.sign_in("finance").status_code == 303
    assert _audited(stack, "finance") == [("boss", "user.disable", "denied")]


@pytest.fixture
def ours(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UserFile]:
    """A console of the stack in this very process, with a users' file of its own."""
    file, store = UserFile(tmp_path / "users.yaml"), SessionStore(tmp_path / "sessions.sqlite3")
    write_users(file.path, {"ann": "admin", "jane": "support"})
    for module in (user_changes, identity, people):
        monkeypatch.setattr(module, "user_file", lambda: file)
        monkeypatch.setattr(module, "session_store", lambda: store)
    monkeypatch.setenv("LISTENER_URL", stack.listener.url)
    monkeypatch.setenv("COMMAND_SECRET", COMMAND_SECRET)
    settings.cache_clear()
    yield file
    settings.cache_clear()


SUPPORT = frozenset({"support"})
ANN = Principal("ann", "Ann", "", frozenset({"admin"}))
EVERY_CHANGE: list[Change] = [
    user_changes.add("bo", name="Bo", email="", roles="admin", password_hash="$2b$04$x"),
    user_changes.disable("jane"),
    user_changes.enable("jane"),
    user_changes.remove("jane"),
    user_changes.set_roles("jane", "admin"),
    user_changes.reset_password("jane", "$2b$04$x", one_time=True),
]


@pytest.mark.parametrize("change", EVERY_CHANGE, ids=lambda change: change.action)
@pytest.mark.parametrize("role", ["support", "finance", "ops"])
def test_a_role_that_may_not_changes_nobody_and_its_attempt_is_recorded(
    ours: UserFile, stack: Stack, role: str, change: Change
) -> None:
    before = ours.path.read_bytes()
    with pytest.raises(BillingError, match=r"may not change users.*recorded"):
        managing.perform(Principal("eve", "Eve", "", frozenset({role})), change)
    assert ours.path.read_bytes() == before
    last = stack.audit()[-1]
    assert (last[0], last[1], last[2], last[4]) == ("eve", change.action, "denied", change.username)


def test_what_cannot_be_recorded_is_not_done(
    ours: UserFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ours.path.read_bytes()
    monkeypatch.setenv("LISTENER_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    with pytest.raises(BillingError, match="Nothing was changed"):
        managing.perform(ANN, user_changes.disable("jane"))
    assert ours.path.read_bytes() == before


def test_a_change_that_came_too_late_is_recorded_as_refused(
    ours: UserFile, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else removes the user between the check and the change."""
    change = user_changes.disable("jane")
    record = commands.record

    def slow(*given: object, **named: object) -> int:
        if "jane" in ours.users():
            ours.change(lambda entries: entries.__delitem__("jane"))
        return record(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(commands, "record", slow)
    with pytest.raises(UserError, match="no user jane"):
        managing.perform(ANN, change)
    outcomes = [row[2] for row in stack.audit() if row[1] == "user.disable" and row[0] == "ann"]
    assert outcomes[-2:] == ["begun", "refused"]


def test_nobody_resets_their_own_password_or_changes_anothers(ours: UserFile) -> None:
    with pytest.raises(UserError, match="Change password"):
        managing.perform(ANN, user_changes.reset_password("ann", "$2b$04$x", one_time=True))
    with pytest.raises(BillingError, match="may not change users"):
        managing.perform(ANN, user_changes.change_password("jane", "$2b$04$x"))


def test_ones_own_password_is_changed_by_whoever_knows_it_and_ends_the_other_sessions(
    desk: Console,
) -> None:
    write_users(desk.users, {"admin": "admin", "support": "support"})
    session, other = desk.session_of("support"), desk.session_of("support")
    form = {"current": PASSWORD, "new": OWN, "again": OWN, "next": "/organizations"}
    with desk.client(session) as client:
        assert client.post("/password", data={**form, "current": "wrong"}).status_code == 401
        assert client.post("/password", data={**form, "new": "short"}).status_code == 422
        crossing = {"Origin": "https://evil.example"}
        assert client.post("/password", data=form, headers=crossing).status_code == 403
        answer = client.post("/password", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/organizations"
    assert not desk.lets_in(session)
    assert not desk.lets_in(other)
    assert desk.lets_in(answer.cookies[COOKIE])
    assert desk.sign_in("support").status_code == 401
    with desk.client() as client:
        assert client.post("/password", data=form).headers["location"] == "/signin"


def test_a_one_time_password_that_is_too_old_says_so_to_whoever_knows_it(desk: Console) -> None:
    write_users(desk.users, {"admin": "admin", "support": "support"})
    text = desk.users.read_text(encoding="utf-8")
    late = re.sub(
        r"(last_name: Example\n)(\s+)(password: )",
        r"\1\2one_time_until: '2020-01-01T00:00:00+00:00'\n\2\3",
        text,
    )
    assert late != text
    desk.users.write_text(late, encoding="utf-8")
    answer = desk.sign_in("support")
    assert answer.status_code == 401
    assert "too old" in answer.text
    assert COOKIE not in answer.cookies
    assert "too old" not in desk.sign_in("support", "wrong").text


def test_whoever_comes_through_the_provider_can_be_given_roles_and_kept_out(
    ours: UserFile,
) -> None:
    store = SessionStore(ours.path.with_name("sessions.sqlite3"))
    store.open(Session("eve@example.com", "provider", "Eve", "eve@example.com", roles=SUPPORT))
    managing.perform(ANN, user_changes.add("", name="Bo", email="Bo@Example.com", roles="finance"))
    seen = {each.username: each for each in people.people()}
    bo = seen["bo@example.com"]
    assert (bo.method, bo.roles) == ("provider", frozenset({"finance"}))
    eve = seen["eve@example.com"]
    assert (eve.in_file, eve.provider_roles, eve.last_sign_in is not None) == (
        False,
        SUPPORT,
        True,
    )
    managing.perform(ANN, user_changes.keep_out("eve@example.com", "Eve"))
    kept_out = people.person("EVE@example.com")
    assert kept_out is not None
    assert (kept_out.disabled, kept_out.in_file, kept_out.roles) == (True, True, frozenset())
    with pytest.raises(UserError, match="e-mail address"):
        user_changes.add("bo", name="Bo", email="", roles="finance")
