"""Ports for what has to know its own before it listens."""

import random
import socket

# Below those that a system gives to connections that go out, which would take one before its use.
_NOT_FOR_CONNECTIONS = range(15_000, 32_768)
_chance = random.SystemRandom()


def free_port() -> int:
    """A port of this machine on which nobody listens, and which no outgoing connection takes."""
    while True:
        port = _chance.choice(_NOT_FOR_CONNECTIONS)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
