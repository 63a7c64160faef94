"""The product's commands as processes of their own, without the second of imports at each start.

A program per command imports it once and forks for each start: see ``nursery``. What it forks has
its own arguments, environment, folder, output and process group, and ends as a command does. What
is said of the start itself is proven with the installed command: see ``installed``.
"""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

BIN = Path(sys.executable).parent
_NURSERY = Path(__file__).with_name("nursery.py")
_MODULES = {
    "billing-listener": (
        "webhook_listener.cli",
        "webhook_listener.projector_process",
        "webhook_listener.serve",
        "uvicorn.loops.uvloop",
        "uvicorn.protocols.http.httptools_impl",
        "uvicorn.lifespan.on",
        "sqlalchemy.dialects.sqlite.pysqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
        "webhook_listener.missed.reconcile",
    ),
    "billing-console": (
        "console.cli",
        "console.server",
        "altair",
        "babel",
        "pandas",
        "pyarrow",
        "streamlit_authenticator",
        "stripe",
    ),
}


class Started(Protocol):
    """What a test does with a process: the part of ``subprocess.Popen`` that both kinds have."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises TimeoutExpired after ``timeout`` seconds."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""


class Forked:
    """A process that a nursery has forked."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self._told = b""
        self._code: int | None = None
        self.pid = self._number(60)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        with contextlib.suppress(BlockingIOError):
            self._ended(0)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises TimeoutExpired after ``timeout`` seconds."""
        try:
            return self._ended(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _ended(self, timeout: float | None) -> int:
        if self._code is None:
            self._code = self._number(timeout)
            self._status.close()
        return self._code

    def _number(self, timeout: float | None) -> int:
        self._status.settimeout(timeout)
        while b"\n" not in self._told:
            told = self._status.recv(64)
            if not told:
                raise AssertionError("what forks the commands has died")
            self._told += told
        number, self._told = self._told.split(b"\n", 1)
        return int(number)


_installed: list[bool] = []


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Within it the installed commands are started, as a person does it, imports and all."""
    _installed.append(True)
    try:
        yield
    finally:
        _installed.pop()


def start(
    command: str,
    *arguments: str,
    environment: Mapping[str, str],
    folder: Path,
    stdout: IO[Any] | int,
    stderr: IO[Any],
) -> Started:
    """Start one of the product's commands; as installed also where this cannot be forked."""
    if _installed or sys.platform != "linux":
        return subprocess.Popen(
            [str(BIN / command), *arguments],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
        )
    request = {"arguments": arguments, "environment": dict(environment), "folder": str(folder)}
    ours, theirs = socket.socketpair()
    output = stdout if isinstance(stdout, int) else stdout.fileno()
    with theirs:
        handed = [output, stderr.fileno(), theirs.fileno()]
        socket.send_fds(_nursery(command), [json.dumps(request).encode()], handed)
        return Forked(ours)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run(command: str, *arguments: str, environment: Mapping[str, str], folder: Path) -> Ran:
    """Run one of the product's commands to its end."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as error:
        process = start(
            command,
            *arguments,
            environment=environment,
            folder=folder,
            stdout=output,
            stderr=error,
        )
        code = process.wait(60)
        for said in (output, error):
            said.seek(0)
        return Ran(code, output.read(), error.read())


@cache
def _nursery(command: str) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with theirs:
        process = subprocess.Popen(
            [
                sys.executable,
                str(_NURSERY),
                str(theirs.fileno()),
                str(BIN / command),
                *_MODULES[command],
            ],
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            process_group=0,
        )
    atexit.register(_close, ours, process)
    return ours


def _close(ours: socket.socket, nursery: "subprocess.Popen[bytes]") -> None:
    # Closing alone would say nothing while a fork of this process held the same socket.
    ours.shutdown(socket.SHUT_RDWR)
    ours.close()
    nursery.wait(30)
