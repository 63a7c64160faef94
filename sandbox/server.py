"""Serves a sandbox: in the foreground for people, in a thread for tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from sandbox.account import Account
from sandbox.app import Sandbox, create_app
from sandbox.settings import Settings

_START_WITHIN = 20.0


class PortTakenError(Exception):
    """Another program listens on the sandbox's port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is already in use. Stop the program that uses it, or set"
            " SANDBOX_PORT to a free port."
        )


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that answers at `url`."""

    url: str
    account: Account


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises `PortTakenError` when the port is taken. Port 0 takes a free one."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise PortTakenError(host, port) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """The base address at which a listening socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _server(sandbox: Sandbox) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(sandbox),
        date_header=False,  # the sandbox stamps its own clock
        server_header=False,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def serve(settings: Settings, listening: socket.socket, *, seeded: bool) -> None:
    """Serve until interrupted."""
    url = settings.public_url or address_of(listening)
    _server(Sandbox(settings, url, seeded_at_start=seeded)).run(sockets=[listening])


@contextmanager
def running(settings: Settings, *, port: int = 0) -> Iterator[Running]:
    """A sandbox in a thread of this process, on a free port unless told otherwise."""
    listening = bind("127.0.0.1", port)
    url = settings.public_url or address_of(listening)
    sandbox = Sandbox(settings, url)
    server = _server(sandbox)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_WITHIN
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("The sandbox did not start; its log says why.")
        time.sleep(0.005)
    try:
        yield Running(address_of(listening), sandbox.account)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
