"""Reads from Stripe, rationed: Stripe counts them, and a busy loop must not use them up."""

import threading
import time
from collections.abc import Callable

# Stripe allows 500 reads a transaction in thirty days, at least 10,000 a month:
# https://docs.stripe.com/rate-limits#api-read-request-allocations
READS_A_MONTH = 10_000
_MONTH_SECONDS = 30 * 24 * 3600


class ReadRation:
    """A bucket of reads that fills up again evenly over a month. Shared by threads.

    ``burst`` is how many may be taken at once.
    """

    def __init__(
        self,
        *,
        per_month: int = READS_A_MONTH,
        burst: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = per_month / _MONTH_SECONDS
        self._burst = float(burst)
        self._clock = clock
        self._left = float(burst)
        self._at = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one read. False: none is left just now."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True

    @property
    def left(self) -> int:
        """How many reads could be taken at the last look."""
        return int(self._left)
