"""The measurements: each one a fresh listener on a database, a load, and what both cost."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.events import FIRST_LIVE, TEMPLATE_EVENTS, TEMPLATE_ORGS
from bench.fill import fill, leave_pending
from bench.load import Load, Timing
from bench.targets import Cost, Listener, Server, listener, server

WARM_UP_EVENTS = 500
_databases = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure and how much of it; a scenario with an empty tuple or 0 is left out."""

    kinds: tuple[str, ...]
    connections: tuple[int, ...]
    events: int
    rates: tuple[int, ...]
    rate_seconds: int
    backlog: int
    stored: tuple[int, ...]
    stored_connections: int = 32


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. Rates are a second, latencies in milliseconds, costs an event.

    ``applied_a_second`` counts from the first request to the moment when nothing waited any more,
    ``drain_seconds`` from the last acknowledgement to then. ``projector_microseconds`` are among
    ``listener_microseconds``.
    """

    scenario: str
    database: str
    connections: int
    events: int
    stored_before: int
    refused: int
    acknowledged_a_second: float
    applied_a_second: float
    drain_seconds: float
    p50: float
    p99: float
    worst: float
    listener_microseconds: float
    projector_microseconds: float
    database_microseconds: float
    peak_mib: float


class _Bench:
    """One listener under measurement; events are numbered on so that none comes twice."""

    def __init__(self, kind: str, running: Listener, stored_events: int) -> None:
        self._kind = kind
        self._listener = running
        self._stored = stored_events
        self._first = FIRST_LIVE

    def warm_up(self) -> None:
        """Let the listener meet every statement and every price once."""
        self._send(WARM_UP_EVENTS, connections=8)
        self._listener.wait_until_applied()

    def measure(self, scenario: str, *, events: int, connections: int, rate: int = 0) -> Result:
        """Send a load and wait until all of it is applied."""
        before = self._listener.cost()
        timing = self._send(events, connections=connections, rate=rate)
        applied = self._listener.wait_until_applied()
        after = self._listener.cost()
        return Result(
            scenario=scenario,
            database=self._kind,
            connections=connections,
            events=events,
            stored_before=self._stored,
            refused=timing.refused,
            acknowledged_a_second=timing.acknowledged / (timing.ended - timing.began),
            applied_a_second=timing.acknowledged / (applied - timing.began),
            drain_seconds=max(0.0, applied - timing.ended),
            p50=timing.p50,
            p99=timing.p99,
            worst=timing.worst,
            **_cost_an_event(before, after, events),
            peak_mib=after.peak_mib,
        )

    def _send(self, events: int, *, connections: int, rate: int = 0) -> Timing:
        load = Load(
            port=self._listener.port,
            secret=self._listener.secret,
            events=events,
            first=self._first,
            connections=connections,
            rate=rate,
            stored_orgs=self._stored // TEMPLATE_EVENTS * TEMPLATE_ORGS,
        )
        self._first += events
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            input=json.dumps(asdict(load)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Timing(**json.loads(done.stdout))


def run(plan: Plan, folder: Path) -> Iterator[Result]:
    """Measure everything that ``plan`` asks for, keeping all files in ``folder``."""
    for kind in plan.kinds:
        with server(kind, folder) as target:
            for connections in plan.connections:
                with _bench(target, kind, folder) as bench:
                    yield bench.measure("closed loop", events=plan.events, connections=connections)
            for rate in plan.rates:
                with _bench(target, kind, folder) as bench:
                    yield bench.measure(
                        f"{rate} a second",
                        events=rate * plan.rate_seconds,
                        connections=32,
                        rate=rate,
                    )
            if plan.backlog:
                with _bench(target, kind, folder) as bench:
                    yield bench.measure("all at once", events=plan.backlog, connections=128)
                yield _drain(target, kind, folder, plan.backlog)
            for stored in plan.stored:
                with _bench(target, kind, folder, stored=stored) as bench:
                    yield bench.measure(
                        f"{stored:,} stored",
                        events=plan.events,
                        connections=plan.stored_connections,
                    )


@contextmanager
def _bench(target: Server, kind: str, folder: Path, *, stored: int = 0) -> Iterator[_Bench]:
    name = f"bench_{next(_databases)}"
    url = target.create(name)
    try:
        if stored:
            seconds = fill(url, stored)
            sys.stderr.write(f"Stored {stored:,} events in {seconds:.0f} s.\n")
        with listener(target, url, folder) as running:
            bench = _Bench(kind, running, stored)
            bench.warm_up()
            yield bench
    finally:
        target.drop(name)


def _drain(target: Server, kind: str, folder: Path, backlog: int) -> Result:
    """How long a listener that starts takes over events that were stored and never projected."""
    name = f"bench_{next(_databases)}"
    url = target.create(name)
    try:
        leave_pending(url, backlog)
        database_before = target.cpu_seconds()
        with listener(target, url, folder) as running:
            began = time.monotonic()
            seconds = running.wait_until_applied() - began
            before = Cost(0, 0, database_before, peak_mib=0)
            after = running.cost()
    finally:
        target.drop(name)
    return Result(
        scenario="left over",
        database=kind,
        connections=0,
        events=backlog,
        stored_before=0,
        refused=0,
        acknowledged_a_second=0,
        applied_a_second=backlog / seconds,
        drain_seconds=seconds,
        p50=0,
        p99=0,
        worst=0,
        **_cost_an_event(before, after, backlog),
        peak_mib=after.peak_mib,
    )


def _cost_an_event(before: Cost, after: Cost, events: int) -> dict[str, float]:
    return {
        "listener_microseconds": (after.listener_seconds - before.listener_seconds) * 1e6 / events,
        "projector_microseconds": (after.projector_seconds - before.projector_seconds)
        * 1e6
        / events,
        "database_microseconds": (after.database_seconds - before.database_seconds) * 1e6 / events,
    }
