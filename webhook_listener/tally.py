"""What a round of projection came to, in numbers that add up from process to process."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from webhook_listener.apply import Applied

LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0)


@dataclass(slots=True)
class Lags:
    """How many lags ended in each bucket of ``LAG_SECONDS``, the last one for longer ones."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LAG_SECONDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one lag."""
        self.counts[bisect_left(LAG_SECONDS, seconds)] += 1
        self.total += seconds

    def add(self, other: "Lags") -> None:
        """Count what ``other`` counts as well."""
        self.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.total += other.total


@dataclass(frozen=True, slots=True)
class Tally:
    """Events that got their outcome: how many of each type and outcome, and how long they took.

    ``newest`` is Stripe's time of the newest one in seconds since 1970; 0 where there was none.
    """

    outcomes: list[tuple[str, str, int]]
    apply_lag: Lags
    receive_lag: Lags
    newest: float

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)


def tally(events: Sequence[Applied]) -> Tally:
    """Count these events."""
    outcomes: Counter[tuple[str, str]] = Counter()
    apply_lag, receive_lag = Lags(), Lags()
    newest = 0.0
    for event in events:
        outcomes[event.type, event.outcome.value] += 1
        apply_lag.observe(event.lag_seconds)
        if not event.type.startswith("snapshot."):
            receive_lag.observe(event.receive_lag_seconds)
        newest = max(newest, event.created.timestamp())
    counted = [(type_, outcome, count) for (type_, outcome), count in outcomes.items()]
    return Tally(counted, apply_lag, receive_lag, newest)


def tally_of(line: bytes) -> Tally:
    """What ``to_line`` wrote."""
    told = orjson.loads(line)
    return Tally(
        outcomes=[(type_, outcome, count) for type_, outcome, count in told["outcomes"]],
        apply_lag=Lags(**told["apply_lag"]),
        receive_lag=Lags(**told["receive_lag"]),
        newest=told["newest"],
    )
