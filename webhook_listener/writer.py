"""The thread that stores what was delivered and runs commands; the projector does the rest.

Deliveries that come while a commit is under way share the next one.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from webhook_listener.apply import describe
from webhook_listener.database import durable_transaction, is_database_trouble
from webhook_listener.errors import NotStoredError, OverloadedError
from webhook_listener.inbox import Delivery, store
from webhook_listener.metrics import Metrics

T = TypeVar("T")

STORE_BATCH = 512
MAX_QUEUED = 4_000
MAX_QUEUED_BYTES = 32 * 1024 * 1024
_POLL_SECONDS = 0.5
_GATHER_SECONDS = 0.0002
_LONGEST_GATHER_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0
_log = structlog.get_logger("webhook_listener.writer")


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Delivery
    acknowledged: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    result: Future[Any]


class Writer:
    """Owns the thread. ``submit`` and ``run`` hand it work; everything else is its own.

    ``wake`` is called after each commit, which may have left events to project.
    """

    def __init__(self, engine: Engine, metrics: Metrics, wake: Callable[[], None]) -> None:
        self._engine = engine
        self._metrics = metrics
        self._wake_projector = wake
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._enough = 1
        self._together = 1
        self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Commit what is queued, and end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def submit(self, delivery: Delivery) -> asyncio.Future[None]:
        """Queue a delivery; the future is done once it is on disk.

        Raises OverloadedError when the queue is full. Call it on the event loop.
        """
        future = asyncio.get_running_loop().create_future()
        size = len(delivery.body)
        with self._wake:
            if (
                self._stopping
                or len(self._queue) >= MAX_QUEUED
                or self._queued_bytes + size > MAX_QUEUED_BYTES
            ):
                raise OverloadedError
            self._queue.append(_Waiting(delivery, future))
            self._queued_bytes += size
            if len(self._queue) >= self._enough:
                self._wake.notify()
        return future

    def run(self, work: Callable[[Connection], T]) -> Future[T]:
        """Run ``work`` in a durable transaction of its own; its error is the future's."""
        job = _Job(work, Future())
        with self._wake:
            if self._stopping:
                raise OverloadedError
            self._jobs.append(job)
            self._wake.notify()
        return job.result

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` as ``run`` does and wait for it; never call it on the event loop."""
        return self.run(work).result(timeout=_PATIENCE_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _loop(self) -> None:
        while not (self._stopping and self._idle()):
            batch, jobs = self._take()
            if batch:
                self._store(batch)
                self._together = len(batch) + len(self._queue)
            for job in jobs:
                self._run_job(job)
            if batch or jobs:
                self._wake_projector()

    def _idle(self) -> bool:
        return not (self._queue or self._jobs)

    def _take(self) -> tuple[list[_Waiting], list[_Job]]:
        with self._wake:
            if self._idle() and not self._stopping:
                self._wake.wait(_POLL_SECONDS)
            self._gather()
            size = min(STORE_BATCH, len(self._queue))
            batch = [self._queue.popleft() for _ in range(size)]
            self._queued_bytes -= sum(len(waiting.delivery.body) for waiting in batch)
            jobs = list(self._jobs)
            self._jobs.clear()
            return batch, jobs

    def _gather(self) -> None:
        """Let those who share commits come in, so that fewer commits are needed; hold the lock.

        Where the last commit and those who came meanwhile were one or two, nobody waits.
        """
        if self._queue and not self._jobs and not self._stopping:
            missing = min(self._together, STORE_BATCH) - len(self._queue)
            if missing > 0:
                self._enough = min(self._together, STORE_BATCH)
                self._wake.wait(min(missing * _GATHER_SECONDS, _LONGEST_GATHER_SECONDS))
                self._enough = 1

    def _store(self, batch: Sequence[_Waiting]) -> None:
        try:
            with durable_transaction(self._engine) as connection:
                stored = store(connection, [waiting.delivery for waiting in batch])
        except Exception as error:  # noqa: BLE001 - answered as 503, and the thread lives on
            _log.exception("store.failed", deliveries=len(batch), cause=describe(error))
            if len(batch) == 1 or is_database_trouble(error):
                _answer(batch, NotStoredError())
                return
            for waiting in batch:  # so that the one at fault takes no other down
                self._store([waiting])
            return
        _answer(batch, None)
        self._metrics.received.inc(len(batch))
        if stored.duplicates:
            self._metrics.duplicates.inc(stored.duplicates)

    def _run_job(self, job: _Job) -> None:
        try:
            with durable_transaction(self._engine) as connection:
                result = job.work(connection)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            job.result.set_exception(error)
        else:
            job.result.set_result(result)


def _answer(batch: Sequence[_Waiting], error: Exception | None) -> None:
    def resolve() -> None:
        for waiting in batch:
            future = waiting.acknowledged
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

    batch[0].acknowledged.get_loop().call_soon_threadsafe(resolve)
