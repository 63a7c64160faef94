"""Moves the account's clock, and lets what is due in real time happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox import lifecycle
from sandbox.account import Account

_BATCH = 20


@dataclass
class TimeTravel:
    """Goes through everything due in small batches, so that the sandbox keeps answering.

    Between two batches the clock stands at what happened last, so a request in between sees one
    consistent moment.
    """

    account: Account
    changed: Callable[[], None]
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def advance_to(self, moment: int) -> None:
        """Make `moment` (unix seconds, UTC) the present."""
        async with self._lock:
            await self._go_through(moment)
            self.account.clock.move_to(moment)
            self.account.keep_clock()

    async def keep_time(self, tick_seconds: float) -> None:
        """Do what becomes due as real time passes, until cancelled."""
        while True:
            async with self._lock:
                await self._go_through(self.account.now)
            await asyncio.sleep(tick_seconds)

    async def _go_through(self, until: int) -> None:
        while (due := self.account.store.next_due(until)) is not None:
            with self.account.store.transaction():
                last = lifecycle.run_due(self.account, until, _BATCH)
                self.account.clock.move_to(last or due[0])
                self.account.keep_clock()
            self.changed()
            await asyncio.sleep(0)
