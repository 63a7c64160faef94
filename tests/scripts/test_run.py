"""What a first start makes, what it refuses, and what it starts."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import run
from tests.support.listener import wait_for


@pytest.fixture(autouse=True)
def a_fresh_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "VAR", tmp_path / "a folder" / "var")


def test_without_a_stripe_key_everything_runs_on_the_sandbox() -> None:
    environment = run.complete({})
    assert list(run.chosen_processes(environment)) == ["sandbox", "listener", "console"]
    assert environment["STRIPE_API_BASE"] == "http://127.0.0.1:12111"
    assert environment["STRIPE_API_KEY"].startswith("sk_test_")
    assert environment["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")


def test_with_a_stripe_key_no_sandbox_starts_and_nothing_points_to_one() -> None:
    environment = run.complete({"STRIPE_API_KEY": "rk_test_given"})
    assert list(run.chosen_processes(environment)) == ["listener", "console"]
    assert "STRIPE_API_BASE" not in environment
    assert environment["STRIPE_API_KEY"] == "rk_test_given"


def test_secrets_are_made_once_and_only_the_owner_can_read_them() -> None:
    first = run.complete({})
    assert run.complete({}) == first
    path = run.VAR / "secrets" / "command-secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first["COMMAND_SECRET"]) >= 32


def test_what_is_given_wins_over_what_would_be_made() -> None:
    environment = run.complete({"COMMAND_SECRET": "mine", "LISTENER_PORT": "8100"})
    assert environment["COMMAND_SECRET"] == "mine"
    assert environment["SANDBOX_WEBHOOK_URL"] == "http://127.0.0.1:8100/webhooks/stripe"


def test_a_taken_port_is_named_with_the_variable_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(run.CannotStartError, match=rf"Port {port}.*LISTENER_PORT={port + 100}"):
            run.refuse_taken("listener", port)


@pytest.mark.parametrize("value", ["eighty", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused_by_its_variables_name(value: str) -> None:
    with pytest.raises(run.CannotStartError, match="CONSOLE_PORT"):
        run.port_of("console", {"CONSOLE_PORT": value})


def test_the_venvs_commands_come_first_on_the_path() -> None:
    assert run.complete({"PATH": "/usr/bin"})["PATH"].split(os.pathsep)[-1] == "/usr/bin"


# What is started here only waits; it is what starts and stops it that is looked at.
_STARTER = """
import fcntl, sys, termios
from pathlib import Path
from scripts import run
from tests.support.listener import wait_for
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
run.VAR = Path(sys.argv[1])
run.chosen_processes = lambda _: {"listener": "exec sleep 600", "console": "exec sleep 600"}
run.refuse_taken = lambda name, port: None
run.sample_sign_ins = lambda _: ""
if "not told" in sys.argv[2]:  # as where make leads the session and keeps the news to itself
    run.stop_with_the_terminal = lambda *_: None
sys.exit(run.main())
"""


def _silently(pid: int, terminal: int) -> None:
    os.close(terminal)
    os.kill(pid, signal.SIGTERM)


ENDINGS: dict[str, Callable[[int, int], object]] = {
    "Ctrl-C": lambda _pid, terminal: os.write(terminal, b"\x03"),
    "SIGTERM": lambda pid, _terminal: os.kill(pid, signal.SIGTERM),
    "a closed terminal": lambda _pid, terminal: os.close(terminal),
    "SIGTERM to who was not told of it": _silently,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_however_it_is_ended_nothing_that_it_started_is_left(tmp_path: Path, ending: str) -> None:
    terminal, theirs = os.openpty()
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTER, str(tmp_path), ending],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while len(pids := re.findall(rb"started \(pid=(\d+)\)", said)) < 2:
        said += os.read(terminal, 4096)
    ENDINGS[ending](starter.pid, terminal)
    code = starter.wait(30)
    assert code == 0 or "not told" in ending  # whose last words nobody hears
    # Whose parent has ended stays listed until the system's first process takes note of its end.
    left = [Path(f"/proc/{int(pid)}") for pid in pids]
    wait_for(lambda: not any(each.exists() for each in left), what="all that it started to end")
    if ending in ("Ctrl-C", "SIGTERM"):
        os.close(terminal)
