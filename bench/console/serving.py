"""A console and its listener in processes of their own, on a made-up company's database."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx
import yaml
from sqlalchemy import make_url

from webhook_listener.database import writer_engine
from webhook_listener.roles import grant_reader

ROLES = ("support", "finance", "ops", "admin")
_READER = "console_reader"
_PASSWORD = secrets.token_urlsafe(16)
_BIN = Path(sys.executable).parent
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_NOWHERE = "http://127.0.0.1:9"  # Stripe is never asked


@dataclass(frozen=True, slots=True)
class Console:
    """A running console: its address, its process, and a cookie for each role."""

    url: str
    pid: int
    cookies: dict[str, str]

    def resident_mib(self) -> float:
        """What the process holds in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Processor time of the process so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        return sum(int(value) for value in fields.split()[11:13]) / os.sysconf("SC_CLK_TCK")


@contextmanager
def console_on(database_url: str, folder: Path) -> Iterator[Console]:
    """A console and a listener on the database for as long as the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment(database_url, folder)
    with (folder / "log").open("wb") as log:  # nothing of an earlier run, whose addresses are gone
        listener = _started("billing-listener", environment | {"RECONCILE_SECONDS": "0"}, log.name)
        try:
            environment["LISTENER_URL"] = _listener_address(listener, folder / "log")
            console = _started("billing-console", environment, log.name)
            try:
                address = _console_address(console, folder / "log")
                yield Console(
                    address, console.pid, {role: _cookie(address, role) for role in ROLES}
                )
            finally:
                _stop(console)
        finally:
            _stop(listener)


def _environment(database_url: str, folder: Path) -> dict[str, str]:
    users = folder / "users.yaml"
    hashed = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    usernames = {
        role: {
            "first_name": role.capitalize(),
            "last_name": "Bench",
            "email": f"{role}@bench.example",
            "roles": [role],
            "password": hashed,
        }
        for role in ROLES
    }
    users.write_text(yaml.safe_dump({"credentials": {"usernames": usernames}}), encoding="utf-8")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "DATABASE_URL": database_url,
        "DATABASE_READ_URL": _read_url(database_url),
        "CONSOLE_USERS": str(users),
        "CONSOLE_SESSIONS": str(folder / "sessions.sqlite3"),
        "COMMAND_SECRET": secrets.token_urlsafe(32),
        "STRIPE_WEBHOOK_SECRET": "whsec_" + secrets.token_urlsafe(24),
        "STRIPE_API_KEY": "rk_test_51Bench0fTheConsole",
        "STRIPE_API_BASE": _NOWHERE,
        "DRIFT_SAMPLE": "0",
    }


def _read_url(database_url: str) -> str:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return database_url
    engine = writer_engine(database_url)
    grant_reader(engine, _READER)
    engine.dispose()
    return url.set(username=_READER).render_as_string(hide_password=False)


def _started(command: str, environment: dict[str, str], log: str) -> "subprocess.Popen[bytes]":
    with Path(log).open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            [str(_BIN / command), "serve", "--port", "0"],
            env=environment,
            cwd=Path(log).parent,  # where no .env lies
            stdout=output,
            stderr=output,
        )


def _listener_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    for line in _lines(process, log):
        if '"listening"' in line:
            return f"http://127.0.0.1:{json.loads(line)['port']}"
    raise SystemExit(f"The listener did not start; see {log}.")


def _console_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    for line in _lines(process, log):
        found = _ADDRESS.search(line)
        if found and line.startswith("The console answers"):
            return found.group()
    raise SystemExit(f"The console did not start; see {log}.")


def _lines(process: "subprocess.Popen[bytes]", log: Path) -> Iterator[str]:
    """Every line of the log again and again, until a minute has passed or the process ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        yield from reversed(log.read_text(encoding="utf-8").splitlines())
        time.sleep(0.1)


def _cookie(address: str, role: str) -> str:
    form = {"username": role, "password": _PASSWORD, "next": "/"}
    transport = httpx.HTTPTransport(retries=20)
    with httpx.Client(base_url=address, transport=transport, timeout=30) as client:
        answer = client.post("/signin", data=form)
    return answer.cookies["console_session"]


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
