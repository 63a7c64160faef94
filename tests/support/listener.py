"""A listener in a process of its own, spoken to over real HTTP."""

import contextlib
import json
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import structlog
from sqlalchemy import Engine, create_engine, text
from typer.testing import CliRunner

from tests.support import forked
from tests.support.forked import Ran, run
from tests.support.stripe_events import WEBHOOK_SECRET, Signed, signed
from webhook_listener.cli import app

COMMAND_SECRET = "Zr5kq-2mVw8Xc1Ny7Tb4Lp9Js6Hd3Gf0Ae"
T = TypeVar("T")


def environment(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a listener on ``database_url``, cut off from the machine's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "DATABASE_URL": database_url,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "COMMAND_SECRET": COMMAND_SECRET,
        **more,
    }


def run_command(database_url: str, *arguments: str, **more: str) -> Ran:
    """Run ``billing-listener`` with these arguments to its end, in this process for speed.

    Not so ``serve``, which forks and would take along all that is open here.
    """
    wanted = environment(database_url, **more)
    if arguments[0] == "serve":
        with tempfile.TemporaryDirectory() as elsewhere:
            return run("billing-listener", *arguments, environment=wanted, folder=Path(elsewhere))
    cut_off: dict[str, str | None] = dict.fromkeys(os.environ)
    handlers = logging.root.handlers[:]
    try:
        with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
            result = CliRunner().invoke(app, list(arguments), env=cut_off | wanted)
    finally:
        logging.root.handlers[:] = handlers
        structlog.reset_defaults()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


class Listener:
    """A running listener; ``log`` is all that it has printed. Port 0 takes a free one."""

    def __init__(self, database_url: str, log_path: Path, *, port: int = 0, **more: str) -> None:
        self.database_url = database_url
        self._log_path = log_path
        self._asked_port = port
        self._environment = environment(database_url, **more)
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        with self._log_path.open("ab") as log:
            before = log.tell()
            self._process = forked.start(
                "billing-listener",
                "serve",
                "--port",
                str(self._asked_port),
                environment=self._environment,
                folder=self._log_path.parent,
                stdout=log,
                stderr=log,
            )
        port = wait_for(lambda: self._port(before), what="the listener to listen")
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        wait_for(lambda: self._answers("/readyz"), what="the listener to be ready")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the process has printed."""
        return self._log_path.read_text()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def post(self, delivery: Signed | Mapping[str, Any]) -> httpx.Response:
        """Deliver an event; one that is not signed yet is signed now."""
        if not isinstance(delivery, Signed):
            delivery = signed(delivery)
        return self.client.post(
            "/webhooks/stripe",
            content=delivery.body,
            headers={"stripe-signature": delivery.signature},
        )

    def settle(self) -> None:
        """Wait until no event waits for its outcome."""
        with reading(self.database_url) as rows:
            wait_for(
                lambda: (
                    rows("SELECT count(*) FROM webhook_events WHERE outcome = 'pending'") == [(0,)]
                ),
                what="the backlog to drain",
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, and give the exit code."""
        self.client.close()
        if self.alive:
            self._process.send_signal(number)
        return self._process.wait(60)

    def _answers(self, path: str) -> bool:
        try:
            return self.client.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def _port(self, offset: int) -> int | None:
        if not self.alive:
            raise AssertionError(f"the listener did not start:\n{self.log}")
        for line in self._log_path.read_bytes()[offset:].splitlines():
            if b'"listening"' in line:
                return int(json.loads(line)["port"])
        return None


class reading:  # noqa: N801 - reads as a phrase
    """A connection for assertions: gives a function from SQL to rows."""

    def __init__(self, database_url: str) -> None:
        self._engine: Engine = create_engine(database_url)

    def __enter__(self) -> Callable[..., list[tuple[Any, ...]]]:
        return self._rows

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def _rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]


def wait_for(condition: Callable[[], T], *, what: str, seconds: float = 60) -> T:
    """The first true value of ``condition``. Fails, saying what was awaited, after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")
