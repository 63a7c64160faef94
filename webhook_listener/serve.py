"""The server process: one socket, one event loop, one writer thread, one projector beside it."""

import contextlib
import errno
import gc
import signal
import socket
import sys

import structlog
import uvicorn

from billing_core.settings import Settings
from webhook_listener.app import create_app
from webhook_listener.errors import ListenError
from webhook_listener.projector_process import ProjectorProcess

# The writer asks for the interpreter again after each row; Python's own 5 ms is an answer's time.
_SWITCH_SECONDS = 0.0003
_log = structlog.get_logger("webhook_listener.serve")


def serve(settings: Settings, projector: ProjectorProcess, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was begun.

    Port 0 takes a free one; the log's ``listening`` line names it. Raises ListenError when the
    port cannot be had, and whatever ``create_app`` raises.
    """
    with _listen(host, port) as listening:
        app = create_app(settings, projector)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=10,
            )
        )
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # what is there now stays; looking through it again and again costs much
        _log.info("listening", host=host, port=listening.getsockname()[1])
        # Uvicorn raises the signal again when all is done; by then there is nothing left to end.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
        _log.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"Port {port} on {host} is taken by another program."
                " Stop it, or set LISTENER_PORT to a free port."
            ) from None
        raise ListenError(
            f"The listener cannot listen on {host} port {port}: {error.strerror or error}."
            " Check --host and LISTENER_PORT."
        ) from None
    except OverflowError:
        raise ListenError(
            f"{port} is not a port. Set LISTENER_PORT to a number from 1 to 65535."
        ) from None
