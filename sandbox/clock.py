"""The sandbox's clock: real time plus an offset, so that it can be moved forward."""

from __future__ import annotations

import time


class Clock:
    """Unix seconds (UTC), running with real time, `offset` seconds ahead of it."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self._stopped_at: int | None = None

    def now(self) -> int:
        """The sandbox's present moment in whole seconds."""
        if self._stopped_at is not None:
            return self._stopped_at
        return int(time.time()) + self.offset

    def stop_at(self, moment: int) -> None:
        """Stand still at `moment` while something that is due then happens."""
        self._stopped_at = moment

    def run(self) -> None:
        """Run on from the present, whatever happened while the clock stood still."""
        self._stopped_at = None

    def move_to(self, moment: int) -> None:
        """Make `moment` the present; the past cannot be reached."""
        self.run()
        self.offset += max(0, moment - self.now())
