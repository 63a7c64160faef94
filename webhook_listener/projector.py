"""The process that projects, beside the one that answers: ``apply_round`` over and over.

Its queue is the inbox. One pipe brings what it has to know and is told by, one takes away what came
of it. The first ends when the listener does, however that dies, and this process with it.
"""

import gc
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog

from billing_core.config import load_config
from webhook_listener.apply import Applied, apply_carefully, apply_round, describe
from webhook_listener.database import shorten_log, writer_engine
from webhook_listener.tally import tally

WAKE = b"w"
STOP = b"s"
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 1.0
# Rounds that follow one another wait for each other's events: a few large ones cost less than many
# small ones. Whoever comes after a while is not kept waiting.
_PACE_SECONDS = 0.08
_STOP_WITHIN_SECONDS = 5.0
_LOG_SECONDS = 0.5
_log = structlog.get_logger("webhook_listener.projector")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a projector has to know to begin."""

    database_url: str
    billing_config: str
    carefully: bool = False
    """Whether to begin event by event, because the process before came to nothing and died."""

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_APPEND_NEWLINE)


def run(orders: int, results: int) -> None:
    """Project what waits until told to stop, or until nobody can tell any more.

    ``orders`` is the pipe with the line of ``Orders`` and then ``WAKE`` and ``STOP``, ``results``
    the one that takes a ``Tally`` a line. Returns once everything is projected or time is up.
    """
    # A signal to the whole group is the listener's to handle; it says what is to be done here.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    line = _first_line(orders)
    if not line:
        return
    told = Orders(**orjson.loads(line))
    gc.collect()
    gc.freeze()
    projector = _Projector(told, orders, results)
    projector.loop()


def _first_line(orders: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        one = os.read(orders, 1)
        if not one:
            return b""
        line += one
    return line


class _Projector:
    def __init__(self, told: Orders, orders: int, results: int) -> None:
        self._engine = writer_engine(told.database_url)
        self._config = load_config(Path(told.billing_config))
        self._carefully = told.carefully
        self._orders = orders
        self._results = results
        self._wake = threading.Event()
        self._stop_at: float | None = None
        self._log_shortened_at = 0.0
        threading.Thread(target=self._listen, name="orders", daemon=True).start()

    def loop(self) -> None:
        """Round after round."""
        while True:
            began = time.monotonic()
            self._wake.clear()
            more = self._round()
            if self._stop_at is not None and (not more or time.monotonic() > self._stop_at):
                return
            if not more:
                self._wake.wait(_POLL_SECONDS)
                if self._stop_at is None:
                    time.sleep(max(0.0, began + _PACE_SECONDS - time.monotonic()))

    def _listen(self) -> None:
        while told := os.read(self._orders, 4096):
            if STOP in told:
                self._stop_at = time.monotonic() + _STOP_WITHIN_SECONDS
            self._wake.set()
        # The listener is gone, and another may be starting: what is under way is rolled back.
        os._exit(0)

    def _round(self) -> bool:
        """Project one batch; whether more waits."""
        try:
            by = apply_carefully if self._carefully else apply_round
            done = by(self._engine, self._config, now=datetime.now(UTC))
            self._carefully = self._carefully and done.full
        except Exception as error:  # noqa: BLE001 - the events still wait; the process lives on
            _log.exception("apply.failed", cause=describe(error))
            if self._stop_at is None:
                time.sleep(_PAUSE_SECONDS)
            return False
        if done.applied:
            self._shorten_log()
            os.write(self._results, tally(done.applied).to_line())
            _log_applied(done.applied)
        return done.full

    def _shorten_log(self) -> None:
        """Here rather than after an answer's commit, which is SQLite's own way."""
        if time.monotonic() > self._log_shortened_at + _LOG_SECONDS:
            shorten_log(self._engine)
            self._log_shortened_at = time.monotonic()


def _log_applied(applied: Sequence[Applied]) -> None:
    outcomes: dict[str, list[str]] = {}
    for event in applied:
        outcomes.setdefault(event.outcome.value, []).append(event.event_id)
    _log.info("events.applied", **outcomes)


if __name__ == "__main__":
    from webhook_listener import logs

    logs.configure()
    run(0, 3)
