"""Events opened anew for somebody at the console: projected by the writer, then told in the audit log."""

import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection, Engine, func, select

from billing_core.tables import Outcome
from webhook_listener import audit, replay
from webhook_listener.apply import BATCH, describe
from webhook_listener.audit import Entry
from webhook_listener.database import reading_transaction
from webhook_listener.inbox import Audience
from webhook_listener.tables import EVENTS
from webhook_listener.writer import Writer

_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0
_log = structlog.get_logger("webhook_listener.event_work")


@dataclass(frozen=True, slots=True)
class Replay:
    """Events to be applied again, None for all that are parked; ``entry`` is the one that began it."""

    audit_id: int
    entry: Entry
    event_ids: tuple[str, ...] | None


class EventWork:
    """A thread that does one replay after the other, through the one writer."""

    def __init__(self, engine: Engine, writer: Writer, audience: Audience) -> None:
        self._engine = engine
        self._writer = writer
        self._audience = audience
        self._waiting: queue.SimpleQueue[Replay | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="event-work", daemon=True)

    def start(self) -> None:
        """Start doing what is handed over."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch under way; what then is still parked stays parked, and that is recorded."""
        self._stop.set()
        self._waiting.put(None)
        self._thread.join(timeout=5)

    def do(self, wanted: Replay) -> None:
        """Hand over a replay that is recorded already."""
        self._waiting.put(wanted)

    def _repeat(self) -> None:
        while (wanted := self._waiting.get()) is not None:
            try:
                self._replay(wanted)
            except Exception as error:  # noqa: BLE001 - told in the audit log; the thread lives on
                _log.exception("replay.failed", cause=describe(error))
                self._tell(wanted, "failed", "The database did not take it; ask again.")

    def _replay(self, wanted: Replay) -> None:
        chosen = wanted.event_ids if wanted.event_ids is not None else self._parked()
        became: Counter[str] = Counter()
        for start in range(0, len(chosen), BATCH):
            if self._stop.is_set():
                self._tell(wanted, "interrupted", _counted(became))
                return
            chunk = chosen[start : start + BATCH]
            before = self._writer.write(
                lambda connection, ids=chunk: replay.reopen(  # type: ignore[misc]
                    connection, self._audience, ids
                )
            )
            self._wait_for(chunk)
            told = self._writer.write(
                lambda connection, rows=before: replay.conclude(connection, rows)  # type: ignore[misc]
            )
            became.update(one.after for one in told)
        self._tell(wanted, "done", _counted(became))

    def _parked(self) -> Sequence[str]:
        with reading_transaction(self._engine) as connection:
            return replay.parked(connection)

    def _wait_for(self, event_ids: Sequence[str]) -> None:
        """Until each has been tried; the writer projects what is pending by itself."""
        untried = select(func.count()).where(
            EVENTS.c.event_id.in_(event_ids),
            EVENTS.c.outcome == Outcome.PENDING.value,
            EVENTS.c.attempts == 0,
        )
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            with reading_transaction(self._engine) as connection:
                if not connection.execute(untried).scalar_one():
                    return
            self._stop.wait(_POLL_SECONDS)

    def _tell(self, wanted: Replay, outcome: str, detail: str) -> None:
        entry = replace(
            wanted.entry,
            at=datetime.now(UTC),
            outcome=outcome,
            follows=wanted.audit_id,
            detail=detail,
            reason=None,
            token_id=None,
        )

        def append(connection: Connection) -> None:
            audit.append(connection, entry)

        try:
            self._writer.write(append)
        except Exception as error:  # noqa: BLE001 - the entry that began it stays without an end
            _log.exception("replay.not_told", cause=describe(error))


def _counted(became: Counter[str]) -> str:
    return ", ".join(f"{became[name]} {name}" for name in sorted(became)) or "0 events"
