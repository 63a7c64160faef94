"""A real console process on a free port, and people who sign in to it over real HTTP."""

import os
import re
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import bcrypt
import httpx
import yaml
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.support import forked

PASSWORD = "correct horse battery"
COOKIE = "console_session"
ROLES = ("support", "finance", "ops", "admin")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def write_users(path: Path, names: Mapping[str, str]) -> None:
    """A users' file with ``{user name: role}``, all with the same quickly checked password."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    users = {
        name: {
            "first_name": name.capitalize(),
            "last_name": "Example",
            "email": f"{name}@example.com",
            "roles": [role],
            "password": hashed,
        }
        for name, role in names.items()
    }
    path.write_text(yaml.safe_dump({"credentials": {"usernames": users}}), encoding="utf-8")


@dataclass
class Console:
    """Where a console keeps its files, and the process when it is up."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""
    process: forked.Started | None = None
    said: IO[str] | None = None

    @property
    def users(self) -> Path:
        return self.folder / "users.yaml"

    @property
    def sessions(self) -> Path:
        return self.folder / "sessions.sqlite3"

    @property
    def log(self) -> Path:
        return self.folder / "console.log"

    def variables(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return (
            inherited
            | {
                "CONSOLE_USERS": str(self.users),
                "CONSOLE_SESSIONS": str(self.sessions),
                "DATABASE_URL": f"sqlite:///{self.folder / 'billing.sqlite3'}",
                "COMMAND_SECRET": "kV3-pT9_wq2ZyL7mN4xR8sB1cD6fG0hJ",
                "STRIPE_API_KEY": "rk_test_51Nothing0fValue",
                "LISTENER_URL": "http://127.0.0.1:9",
            }
            | self.environment
        )

    def start(self) -> None:
        """Start it from a folder of its own, and wait until it answers."""
        port = self.environment.get("CONSOLE_PORT", "0")
        reading, writing = os.pipe()
        self.said = os.fdopen(reading, encoding="utf-8")  # stop closes it
        with self.log.open("a", encoding="utf-8") as errors:
            self.process = forked.start(
                "billing-console",
                "serve",
                "--port",
                port,
                environment=self.variables(),
                folder=self.folder,
                stdout=writing,
                stderr=errors,
            )
        os.close(writing)
        found = _ADDRESS.search(self.said.readline())
        assert found, self.log.read_text(encoding="utf-8")
        self.url = found.group()
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(base_url=self.url, transport=transport, timeout=30) as client:
            assert client.get("/healthz").text == "ok\n"

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
            self.process = None
        if self.said is not None:
            self.said.close()

    def client(self, session_id: str | None = None) -> httpx.Client:
        """A client that follows no redirect, with a cookie if given."""
        cookies = {COOKIE: session_id} if session_id is not None else None
        return httpx.Client(base_url=self.url, cookies=cookies, timeout=30)

    def sign_in(
        self, username: str, password: str = PASSWORD, next_path: str = "/"
    ) -> httpx.Response:
        with self.client() as client:
            form = {"username": username, "password": password, "next": next_path}
            return client.post("/signin", data=form)

    def session_of(self, username: str) -> str:
        """Sign in and answer the cookie's value."""
        return self.sign_in(username).cookies[COOKIE]

    def lets_in(self, session_id: str | None) -> bool:
        with self.client(session_id) as client:
            answer = client.get("/")
        assert answer.status_code in (200, 303), answer.text
        return answer.status_code == 200

    def websocket_status(
        self, session_id: str | None, host: str | None = None, origin: str | None = None
    ) -> int:
        """How the console answers to a WebSocket with that cookie; 101 is welcome."""
        address = self.url.replace("http://", "ws://") + "/_stcore/stream"
        headers = {} if session_id is None else {"Cookie": f"{COOKIE}={session_id}"}
        if host is not None:
            address = address.replace("127.0.0.1", host)
        port = int(self.url.rsplit(":", 1)[1])
        try:
            with connect(
                address,
                additional_headers=headers,
                subprotocols=[Subprotocol("streamlit")],
                origin=Origin(origin) if origin is not None else None,
                sock=socket.create_connection(("127.0.0.1", port)),
                proxy=None,
            ):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code


@contextmanager
def running_console(folder: Path, **environment: str) -> Iterator[Console]:
    """A console with one user a role, stopped afterwards; without CONSOLE_PORT on a free port."""
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(folder, environment)
    write_users(console.users, {role: role for role in ROLES})
    try:
        console.start()
        yield console
    finally:
        console.stop()
