"""The command, as a person starts and steers it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from sandbox.cli import app
from tests.sandbox.conftest import World
from tests.support import patient
from tests.support.listener import wait_for
from tests.support.ports import free_port

COMMAND = [sys.executable, "-m", "sandbox.cli"]
HEADERS = {"Authorization": "Bearer sk_test_x"}


@contextmanager
def served(
    directory: Path, *options: str, webhook_url: str = "http://127.0.0.1:9/nobody"
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("SANDBOX_")},
        "SANDBOX_STATE": str(directory / "with space" / "sandbox.sqlite3"),
        "SANDBOX_WEBHOOK_URL": webhook_url,
    }
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *options],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://\S+", line)
        assert match is not None, line
        yield match[0], process
    finally:
        process.kill()
        process.wait()


def test_it_serves_seeds_once_and_ends_quietly(tmp_path: Path) -> None:
    for _ in range(2):
        with served(tmp_path, "--seed") as (url, process):
            transport = httpx.HTTPTransport(retries=20)
            with patient.Client(base_url=url, headers=HEADERS, transport=transport) as client:
                assert client.get("/healthz").json() == {"status": "ok"}
                wait_for(
                    lambda client=client: client.get("/v1/customers?limit=1").json()["data"],  # type: ignore[misc]
                    what="the sample company",
                )
                assert len(client.get("/v1/products").json()["data"]) == 5
            process.send_signal(signal.SIGINT)
            assert process.wait(10) in {0, -signal.SIGINT, 130}
            assert process.stdout is not None
            assert "Traceback" not in process.stdout.read()


def test_a_listener_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with served(tmp_path, webhook_url=url) as (sandbox, process):
            with patient.Client(
                headers=HEADERS, transport=httpx.HTTPTransport(retries=5)
            ) as client:
                client.post(f"{sandbox}/v1/products", data={"name": "Pro"}).raise_for_status()
            silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(8) in {0, -signal.SIGINT, 130}


def test_a_taken_port_is_named_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = subprocess.run(
            [*COMMAND, "serve", "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert f"Port {port}" in result.stderr
    assert "SANDBOX_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env=environment)
    return result.exit_code, result.output


def test_the_clock_is_moved_from_the_command_line(world: World) -> None:
    port = world.url.rpartition(":")[2]
    subscription = world.subscription()
    end = subscription.items.data[0].current_period_end
    code, output = run("advance", "--past", subscription.id, "--port", port)
    assert code == 0
    assert "It is now 20" in output
    assert world.control.now() > end
    before = world.control.now()
    assert run("advance", "--days", "2", "--port", port)[0] == 0
    assert world.control.now() >= before + 2 * 86_400
    assert run("advance", "--to", "2040-01-31", "--port", port)[0] == 0
    code, output = run("advance", "--to", "2030-01-31", "--port", port)
    assert code == 1
    assert "cannot be moved back" in output


@pytest.mark.parametrize("arguments", [[], ["--days", "1", "--to", "2040-01-01"]])
def test_how_far_to_move_must_be_said_in_one_way(arguments: list[str]) -> None:
    code, output = run("advance", *arguments)
    assert code == 1
    assert "exactly one of --days, --to and --past" in output


def test_a_sandbox_that_is_not_running_is_explained() -> None:
    unused_port = free_port()
    for command in (["seed"], ["advance", "--days", "1"]):
        code, output = run(*command, "--port", str(unused_port))
        assert code == 1
        assert "billing-sandbox serve" in output


def test_a_setting_that_makes_no_sense_is_named() -> None:
    code, output = run("serve", SANDBOX_PORT="many")
    assert code == 1
    assert "SANDBOX_PORT" in output


@pytest.mark.parametrize("command", ["serve", "seed", "advance"])
def test_a_port_that_is_none_is_refused_with_the_range(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--port", "99999"])
    assert result.exit_code == 2
    assert "65535" in result.output
