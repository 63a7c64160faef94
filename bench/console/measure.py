"""The measurements: a page at a time, fifty people at once, and what a session takes."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.console.serving import Console
from bench.console.session import FaultError, Tab, open_tab, quiet_collector
from bench.console.visits import VISITS, Sample, Visit, query_string

_LONGEST_VISIT = 20.0
_CROWD_MIX: Mapping[str, int] = {
    "overview": 2,
    "organizations": 3,
    "search: fragment of a name": 6,
    "search: e-mail": 3,
    "search: customer id": 2,
    "filter: status": 1,
    "filter: winding down": 1,
    "paging: deep": 1,
    "organization": 10,
    "winding down": 2,
    "winding down: plan": 1,
    "webhooks": 2,
}


@dataclass(frozen=True, slots=True)
class PageTime:
    """How long one page took, in milliseconds, and what the console's process spent on it."""

    visit: str
    targeted: bool
    runs: int
    median: float
    p95: float
    cpu: float
    kilobytes: float
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """What people met who clicked all at once, thinking in between; milliseconds."""

    users: int
    think_seconds: float
    seconds: float
    clicks: int
    faults: int
    p50: float
    p95: float
    worst: float
    cpu_share: float


@dataclass(frozen=True, slots=True)
class Memory:
    """What the console holds: at rest, and for each session that has a page open."""

    base_mib: float
    with_sessions_mib: float
    sessions: int

    @property
    def kilobytes_a_session(self) -> float:
        """The difference, shared out."""
        return (self.with_sessions_mib - self.base_mib) * 1024 / self.sessions


async def time_pages(
    consoles: Sequence[Console], samples: Sequence[Sample], *, runs: int, only: str | None
) -> list[list[PageTime]]:
    """Each visit on each console in turn, so that whatever disturbs one disturbs the other."""
    found: list[list[PageTime]] = [[] for _ in consoles]
    for visit in VISITS:
        if only and only not in visit.name:
            continue
        opened = [await open_tab(console.url, console.cookies[visit.role]) for console in consoles]
        times: list[list[float]] = [[] for _ in consoles]
        bytes_: list[list[int]] = [[] for _ in consoles]
        faults: list[str | None] = [None for _ in consoles]
        chooses = [random.Random(run) for run in range(len(consoles))]  # noqa: S311 - no secret
        before = [console.cpu_seconds() for console in consoles]
        with quiet_collector():
            for run in range(runs + 2):
                if run == 2:
                    before = [console.cpu_seconds() for console in consoles]
                if sum(map(sum, times)) > _LONGEST_VISIT:
                    break
                for at, (tab, _reader) in enumerate(opened):
                    if faults[at] is None:
                        faults[at] = await _once(
                            tab, visit, samples[at], chooses[at], times[at], bytes_[at]
                        )
        spent = [console.cpu_seconds() - before[at] for at, console in enumerate(consoles)]
        for tab, reader in opened:
            await _close(tab, reader)
        for at, seconds in enumerate(spent):
            found[at].append(
                _page_time(visit, times[at][2:] or times[at], seconds, bytes_[at], faults[at])
            )
    return found


async def _once(
    tab: Tab,
    visit: Visit,
    sample: Sample,
    choose: random.Random,
    times: list[float],
    bytes_: list[int],
) -> str | None:
    try:
        times.append(await tab.open(visit.page, query_string(visit, sample, choose)))
    except FaultError as fault:
        return str(fault)
    bytes_.append(tab.received)
    await asyncio.sleep(0.02)
    return None


async def _close(tab: Tab, reader: "asyncio.Task[None]") -> None:
    tab.close()
    await tab.connection.close()
    await reader


def _page_time(
    visit: Visit, times: Sequence[float], spent: float, bytes_: Sequence[int], fault: str | None
) -> PageTime:
    return PageTime(
        visit=visit.name,
        targeted=visit.targeted,
        runs=len(times),
        median=at_share(times, 0.5) * 1000,
        p95=at_share(times, 0.95) * 1000,
        cpu=spent * 1000 / max(1, len(times)),
        kilobytes=at_share(bytes_, 0.5) / 1000,
        fault=fault,
    )


def at_share(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies; 0 for none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


async def crowd(
    console: Console, sample: Sample, *, users: int, think: float, seconds: float
) -> Crowd:
    """So many people, each with a tab, clicking and thinking for so long."""
    times: list[float] = []
    faults: list[str] = []
    deadline = time.monotonic() + seconds
    before = console.cpu_seconds()
    began = time.monotonic()
    with quiet_collector():
        await asyncio.gather(
            *(
                _person(console, sample, number, think, deadline, times, faults)
                for number in range(users)
            )
        )
    took = time.monotonic() - began
    return Crowd(
        users=users,
        think_seconds=think,
        seconds=took,
        clicks=len(times),
        faults=len(faults),
        p50=at_share(times, 0.5) * 1000,
        p95=at_share(times, 0.95) * 1000,
        worst=max(times, default=0.0) * 1000,
        cpu_share=(console.cpu_seconds() - before) / took,
    )


async def _person(
    console: Console,
    sample: Sample,
    number: int,
    think: float,
    deadline: float,
    times: list[float],
    faults: list[str],
) -> None:
    choose = random.Random(number)  # noqa: S311 - what people click is no secret
    visits = [visit for visit in VISITS if visit.name in _CROWD_MIX]
    weights = [_CROWD_MIX[visit.name] for visit in visits]
    await asyncio.sleep(choose.uniform(0, think))
    tab, reader = await open_tab(console.url, console.cookies["admin"])
    first = True
    while time.monotonic() < deadline:
        visit = choose.choices(visits, weights)[0]
        try:
            took = await tab.open(visit.page, query_string(visit, sample, choose))
            if not first:  # a tab that opens is a sign-in, not a click
                times.append(took)
            first = False
        except FaultError as fault:
            faults.append(str(fault))
        await asyncio.sleep(min(choose.expovariate(1 / think), 4 * think))
    await _close(tab, reader)


async def memory(console: Console, sample: Sample, *, sessions: int) -> Memory:
    """Open so many tabs on an organization's page, and see what the process holds then."""
    base = console.resident_mib()
    choose = random.Random(5)  # noqa: S311 - no secret
    visit = next(visit for visit in VISITS if visit.name == "organization")
    opened = []
    for _ in range(sessions):
        tab, reader = await open_tab(console.url, console.cookies["admin"])
        await tab.open(visit.page, query_string(visit, sample, choose))
        tab.close()
        opened.append((tab, reader))
    held = console.resident_mib()
    for tab, reader in opened:
        await _close(tab, reader)
    return Memory(base, held, sessions)
