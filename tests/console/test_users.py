"""The users' commands and their file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from streamlit_authenticator import Authenticate
from typer.testing import CliRunner

from console import user_changes, users_cli
from console.sessions import SessionStore, password_session
from console.user_rules import MAXIMUM_PASSWORD_BYTES, checked_password
from console.users import User, UserError, UserFile
from tests.console.serving import Console, write_users
from tests.support import forked

PASSWORD = "a long enough password"


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserFile:
    file = UserFile(tmp_path / "users.yaml")
    store = SessionStore(tmp_path / "sessions.sqlite3")
    monkeypatch.setattr(users_cli, "user_file", lambda: file)
    monkeypatch.setattr(user_changes, "user_file", lambda: file)
    monkeypatch.setattr(user_changes, "session_store", lambda: store)
    return file


def _run(*arguments: str, says: str = "", code: int = 0, typed: str | None = None) -> str:
    result = CliRunner().invoke(users_cli.users_app, list(arguments), input=typed)
    assert result.exit_code == code, result.output
    assert says in result.output
    return result.output


def _add(name: str = "jane", roles: str = "support") -> None:
    options = ["--name", "Jane Doe", "--roles", roles, "--email", "jane@example.com"]
    _run("add", name, *options, typed=f"{PASSWORD}\n{PASSWORD}\n")


def _one(users: UserFile, name: str) -> User:
    found = users.find(name)
    assert found is not None
    return found


def test_an_added_user_is_in_the_file_with_roles_and_a_hash_alone(users: UserFile) -> None:
    _add(roles="support,finance")
    jane = _one(users, "JANE")
    assert jane.roles == {"support", "finance"}
    assert jane.name == "Jane Doe"
    assert PASSWORD not in users.path.read_text(encoding="utf-8")
    assert users.path.stat().st_mode & 0o777 == 0o600
    assert jane.password_hash not in repr(jane)


def test_the_file_is_what_streamlit_authenticator_itself_reads(users: UserFile) -> None:
    _add()
    credentials = yaml.safe_load(users.path.read_text(encoding="utf-8"))["credentials"]
    library = Authenticate(credentials, "cookie", "k" * 32, 1)
    model = library.authentication_controller.authentication_model
    assert model.check_credentials("jane", PASSWORD)


def test_disable_enable_roles_and_remove_do_what_they_say(users: UserFile) -> None:
    _add()
    _run("disable", "jane", says="out")
    assert _one(users, "jane").disabled
    _run("enable", "jane")
    assert not _one(users, "jane").disabled
    _run("set-roles", "jane", "ops,admin")
    assert _one(users, "jane").roles == {"ops", "admin"}
    before = _one(users, "jane").password_hash
    _run("set-password", "jane", typed="another long one\nanother long one\n")
    assert _one(users, "jane").password_hash != before
    _add("bob", "admin")
    _run("remove", "jane")
    assert users.find("jane") is None


def test_the_last_administrator_is_neither_disabled_nor_removed_nor_made_less(
    users: UserFile,
) -> None:
    _add("ann", "admin,support")
    _add("jane")
    before = users.path.read_bytes()
    for command in (["disable", "ann"], ["remove", "ann"], ["set-roles", "ann", "support"]):
        _run(*command, says="ann is the last administrator who can sign in", code=1)
    assert users.path.read_bytes() == before
    _run("set-roles", "jane", "admin")
    _run("disable", "ann")
    _run("remove", "jane", says="jane is the last administrator", code=1)


def test_an_administrator_with_a_one_time_password_does_not_keep_the_door(users: UserFile) -> None:
    _add("ann", "admin")
    _add("jane", "admin")
    user_changes.reset_password("jane", "$2b$04$x", one_time=True).apply()
    assert _one(users, "jane").one_time_until is not None
    _run("remove", "ann", says="ann is the last administrator", code=1)
    user_changes.change_password("jane", "$2b$04$y").apply()
    assert _one(users, "jane").one_time_until is None
    _run("remove", "ann")


def test_whoever_is_enabled_again_is_not_signed_in_by_an_old_session(users: UserFile) -> None:
    _add()
    store = SessionStore(users.path.with_name("sessions.sqlite3"))
    session = store.open(password_session(_one(users, "jane")))
    _run("set-roles", "jane", "finance")
    assert store.find(session) is not None
    _run("disable", "jane")
    _run("enable", "jane")
    assert store.find(session) is None


def test_a_change_that_cannot_be_made_is_a_sentence_and_changes_nothing(users: UserFile) -> None:
    _add()
    before = users.path.read_bytes()
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    _run("add", "jane", "--name", "J", "--roles", "ops", says="already", code=1, typed=typed)
    _run("add", "bob", "--name", "B", "--roles", "boss", says="Roles are:", code=1, typed=typed)
    _run("add", "b ob", "--name", "B", "--roles", "ops", says="user name has", code=1, typed=typed)
    _run("remove", "nobody", says="no user nobody", code=1)
    _run("set-roles", "jane", "", says="Roles are:", code=1)
    _run("set-password", "jane", says="at least", code=1, typed="short\nshort\n")
    assert users.path.read_bytes() == before


def test_a_password_longer_than_bcrypt_takes_is_refused_when_set() -> None:
    assert checked_password("é" * (MAXIMUM_PASSWORD_BYTES // 2))
    with pytest.raises(UserError, match="at most 72 bytes"):
        checked_password("é" * 37)


def test_a_file_that_is_not_ours_is_a_sentence(users: UserFile) -> None:
    users.path.write_text("- just\n- a list\n", encoding="utf-8")
    _run("list", says="CONSOLE_USERS", code=2)
    users.path.write_text("credentials: {usernames: {jane: {roles: [ops]}}}", encoding="utf-8")
    _run("list", says="password hash", code=2)


def test_sample_users_are_made_once_and_their_passwords_shown_once(users: UserFile) -> None:
    first = _run("sample")
    passwords = dict(line.split() for line in first.splitlines()[1:])
    assert set(passwords) == {"support", "finance", "ops", "admin"}
    second = _run("sample", says="already")
    assert not any(password in second for password in passwords.values())
    assert not any(
        password in users.path.read_text(encoding="utf-8") for password in passwords.values()
    )


def test_changes_made_at_the_same_time_are_all_kept(users: UserFile) -> None:
    def add(number: int) -> None:
        entry = {"password": "x", "roles": ["ops"]}
        UserFile(users.path).change(lambda entries: entries.update({f"user{number}": entry}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert len(users.users()) == 40


def test_a_busy_port_is_one_sentence_that_names_it(console: Console) -> None:
    port = console.url.rsplit(":", 1)[1]
    result = forked.run(
        "billing-console",
        "serve",
        "--port",
        port,
        environment=console.variables(),
        folder=console.folder,
    )
    assert result.returncode == 1
    assert port in result.stderr
    assert "CONSOLE_PORT" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COMMAND_SECRET", "short"),
        ("CONSOLE_URL", "console.example.com"),
        ("CONSOLE_PORT", "many"),
        ("DATABASE_READ_URL", "mysql://x"),
        ("STRIPE_API_KEY", ""),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_its_name(
    tmp_path: Path, variable: str, value: str
) -> None:
    console = Console(tmp_path, {"CONSOLE_PORT": "0", variable: value})
    write_users(console.users, {"ops": "ops"})
    result = forked.run(
        "billing-console", "serve", environment=console.variables(), folder=tmp_path
    )
    assert result.returncode == 2
    assert variable in result.stderr
    assert "Traceback" not in result.stderr
