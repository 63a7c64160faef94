"""What was measured of the console, as one table and one JSON file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.console.browser import Clicks
from bench.console.measure import Crowd, Memory, PageTime, at_share
from bench.report import machine

_PAGE_P95 = 150.0
_RATIO = 1.3
_FULLER = 1.2
_CLICK = 120.0
_CROWD_P95 = 300.0


@dataclass
class Measured:
    """All that was measured on one kind of database."""

    database: str
    sizes: tuple[int, ...]
    pages: list[list[PageTime]] = field(default_factory=list)
    clicks: list[Clicks] = field(default_factory=list)
    crowd: Crowd | None = None
    memory: Memory | None = None


def table(measured: Measured) -> str:
    """The figures as text in columns, with what misses a target marked."""
    small, large = (f"{size:,} orgs" for size in measured.sizes)
    lines = [
        f"{measured.database}: server time of a page in ms",
        f"{'':34}{small:>24}{large:>24}{'ratio':>8}{'kB':>14}",
        f"{'':34}{'p50':>8}{'p95':>8}{'cpu':>8}{'p50':>8}{'p95':>8}{'cpu':>8}",
    ]
    for one, many in zip(*measured.pages, strict=True):
        if one.fault or many.fault or not one.median:
            lines.append(f"{one.visit:34}  {one.fault or many.fault or 'never asked for'}")
            continue
        ratio = many.median / one.median
        missed = one.targeted and (many.p95 > _PAGE_P95 or ratio > _RATIO)
        figures = (one.median, one.p95, one.cpu, many.median, many.p95, many.cpu)
        columns = "".join(f"{figure:8.1f}" for figure in figures)
        mark = "  missed" if missed else ""
        if missed and many.kilobytes > _FULLER * one.kilobytes:
            mark += ", but shows more"
        lines.append(
            f"{one.visit:34}{columns}{ratio:8.2f}{one.kilobytes:7.0f}{many.kilobytes:7.0f}{mark}"
        )
    for clicks in measured.clicks:
        median = at_share(clicks.times, 0.5)
        missed_ = "  missed" if median > _CLICK else ""
        lines.append(f"click to idle, {clicks.what}: median {median:.0f} ms{missed_}")
    if measured.clicks:
        every = [time for clicks in measured.clicks for time in clicks.times]
        lines.append(f"click to idle, all: median {at_share(every, 0.5):.0f} ms")
    if measured.crowd is not None:
        lines.append(_crowd(measured.crowd))
    if measured.memory is not None:
        held = measured.memory
        lines.append(
            f"memory: {held.base_mib:.0f} MiB at rest, {held.kilobytes_a_session:.0f} kB more for"
            f" each of {held.sessions} open organizations"
        )
    return "\n".join(lines)


def _crowd(crowd: Crowd) -> str:
    missed = "  missed" if crowd.p95 > _CROWD_P95 or crowd.faults else ""
    return (
        f"{crowd.users} users, {crowd.think_seconds:g} s of thought: p50 {crowd.p50:.0f} ms,"
        f" p95 {crowd.p95:.0f} ms, worst {crowd.worst:.0f} ms, {crowd.clicks} clicks,"
        f" {crowd.faults} faults, console at {crowd.cpu_share:.0%} of a core{missed}"
    )


def write(measured: Sequence[Measured], folder: Path, *, began: datetime) -> Path:
    """Write everything and the machine it is from to a new file; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"console-{began:%Y%m%dT%H%M%SZ}.json"
    document = {
        "began": began.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "machine": machine(),
        "results": [asdict(each) for each in measured],
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path
