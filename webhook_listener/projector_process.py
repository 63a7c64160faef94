"""The listener's side of its projector: started, woken, listened to, and started again."""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import structlog

from webhook_listener.projector import STOP, WAKE, Orders, run
from webhook_listener.tally import Tally, tally_of

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_STOP_WITHIN_SECONDS = 15.0
_log = structlog.get_logger("webhook_listener.projector_process")


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    orders: int
    results: BinaryIO


class ProjectorProcess:
    """A projector as a child process; make it before there is any thread, because it is forked.

    A child that dies is started again, after ever longer pauses while it does nothing in between,
    and from the program's file: there are threads by then. Whatever it was at is rolled back and
    waits in the inbox. One that died before it came to anything is followed by one that begins event
    by event, so that an event which ends the process holds nothing else up.
    """

    def __init__(self) -> None:
        self._sending = threading.Lock()
        self._stopping = threading.Event()
        self._up = False
        self._child: _Child | None = _fork()
        self._orders: Orders | None = None
        self._tell: Callable[[Tally], None] = lambda _tally: None
        self._died: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._attend, name="projector", daemon=True)

    @property
    def up(self) -> bool:
        """Whether the child runs."""
        return self._up

    def start(
        self, orders: Orders, *, tell: Callable[[Tally], None], died: Callable[[], None]
    ) -> None:
        """Let it begin; ``tell`` gets what each round came to, ``died`` is called for each death.

        Both are called from a thread of its own.
        """
        self._orders = orders
        self._tell = tell
        self._died = died
        self._up = True
        self._send(orders.to_line())
        self._thread.start()

    def wake(self) -> None:
        """Say that something waits in the inbox."""
        self._send(WAKE)

    def stop(self) -> None:
        """Let it project what waits, if that is quick, and end it."""
        self._stopping.set()
        self._send(STOP)
        self._thread.join(_STOP_WITHIN_SECONDS)
        child = self._child
        if child is not None:
            _log.error("projector.killed")
            os.kill(child.pid, signal.SIGKILL)
            self._thread.join()

    def _send(self, told: bytes) -> None:
        with self._sending:
            # A full pipe holds enough to wake it; a broken one is noticed where results come from.
            if self._child is not None:
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    os.write(self._child.orders, told)

    def _attend(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while self._child is not None:
            began = time.monotonic()
            useful = False
            for line in self._child.results:
                if line.endswith(b"\n"):
                    useful = True
                    self._tell(tally_of(line))
            self._bury(self._child)
            if self._stopping.is_set():
                return
            if useful or time.monotonic() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            self._start_again(carefully=not useful)

    def _bury(self, child: _Child) -> None:
        with self._sending:
            self._up = False
            self._child = None
            os.close(child.orders)
        child.results.close()
        _, status = os.waitpid(child.pid, 0)
        if not self._stopping.is_set():
            _log.error("projector.died", status=os.waitstatus_to_exitcode(status))
            self._died()

    def _start_again(self, *, carefully: bool) -> None:
        assert self._orders is not None  # noqa: S101 - the thread runs after start
        orders = replace(self._orders, carefully=carefully)
        child = _spawn()
        with self._sending:
            self._child = child
            self._up = True
        self._send(orders.to_line())
        _log.info("projector.started", pid=child.pid)


def _fork() -> _Child:
    orders, our_orders = os.pipe()
    our_results, results = os.pipe()
    gc.freeze()  # so that collecting here or there copies none of what both share
    pid = os.fork()
    if pid == 0:
        try:
            os.close(our_orders)
            os.close(our_results)
            run(orders, results)
        except BaseException:  # noqa: BLE001 - told here, because nothing may go on after it
            _log.exception("projector.failed")
            os._exit(1)
        os._exit(0)
    os.close(orders)
    os.close(results)
    return _child(pid, our_orders, our_results)


def _spawn() -> _Child:
    orders, our_orders = os.pipe()
    our_results, results = os.pipe()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "webhook_listener.projector"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, orders, 0),
            (os.POSIX_SPAWN_DUP2, results, 3),
        ],
    )
    os.close(orders)
    os.close(results)
    return _child(pid, our_orders, our_results)


def _child(pid: int, orders: int, results: int) -> _Child:
    os.set_blocking(orders, False)
    return _Child(pid, orders, os.fdopen(results, "rb"))
