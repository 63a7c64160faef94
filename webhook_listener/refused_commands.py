"""Commands that are refused at the door, in the audit log: forged, expired, repeated, senseless."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from billing_core.commands import Caller
from webhook_listener import audit
from webhook_listener.apply import describe
from webhook_listener.audit import Entry
from webhook_listener.writer import Writer

ACTION = "command.send"
NOBODY = "unknown"
# Whoever has no token reaches this door, too, and must not fill the audit log.
MOST_FROM_STRANGERS = 20
_WITHIN_SECONDS = 60.0
_log = structlog.get_logger("webhook_listener.commands")


class RefusedCommands:
    """Writes down who was refused; of strangers only so many a minute, and the log has all."""

    def __init__(self, writer: Writer, clock: Callable[[], float] = time.monotonic) -> None:
        self._writer = writer
        self._clock = clock
        self._strangers: deque[float] = deque(maxlen=MOST_FROM_STRANGERS)

    async def note(
        self, caller: Caller | None, code: str, org_id: str | None, name: str | None
    ) -> None:
        """Record a refusal, if that is possible; ``name`` is the destination asked for."""
        _log.warning("command.refused", code=code, by=caller.username if caller else NOBODY)
        if caller is None and not self._admits_a_stranger():
            return
        entry = Entry(
            at=datetime.now(UTC),
            actor=caller.username if caller else NOBODY,
            role=caller.role_names if caller else NOBODY,
            action=ACTION,
            outcome="refused" if caller else "denied",
            org_id=org_id,
            destination=name,
            detail=code,
        )
        try:
            await asyncio.wrap_future(self._writer.run(partial(audit.append, entry=entry)))
        except Exception as error:  # noqa: BLE001 - the refusal stands, recorded or not
            _log.warning("command.refusal_not_recorded", cause=describe(error))

    def _admits_a_stranger(self) -> bool:
        now = self._clock()
        full = len(self._strangers) == MOST_FROM_STRANGERS
        if full and now - self._strangers[0] < _WITHIN_SECONDS:
            return False
        self._strangers.append(now)
        return True
