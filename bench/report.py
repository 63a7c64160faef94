"""What was measured, as one JSON file and one table."""

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import orjson

from bench.scenarios import Result

_HEADINGS = (
    "database",
    "scenario",
    "conns",
    "acked/s",
    "applied/s",
    "p50 ms",
    "p99 ms",
    "max ms",
    "cpu µs/event",
    "projector µs",
    "db µs/event",
    "drain s",
    "peak MiB",
    "refused",
)


def table(results: Sequence[Result]) -> str:
    """The results as text in columns."""
    rows = [_HEADINGS, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.database,
        result.scenario,
        str(result.connections),
        f"{result.acknowledged_a_second:,.0f}",
        f"{result.applied_a_second:,.0f}",
        f"{result.p50:.1f}",
        f"{result.p99:.1f}",
        f"{result.worst:.1f}",
        f"{result.listener_microseconds:.0f}",
        f"{result.projector_microseconds:.0f}",
        f"{result.database_microseconds:.0f}",
        f"{result.drain_seconds:.1f}",
        f"{result.peak_mib:.0f}",
        str(result.refused),
    )


def write(results: Sequence[Result], folder: Path, *, began: datetime) -> Path:
    """Write the results and the machine they are from to a new file; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{began:%Y%m%dT%H%M%SZ}.json"
    document = {
        "began": began.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "machine": machine(),
        "results": [asdict(result) for result in results],
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def machine() -> dict[str, object]:
    """Which machine this is, and the versions that matter."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("uvicorn", "sqlalchemy", "psycopg")},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
