"""``python -m bench``: measure the listener; see ``bench/README.md``."""

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench import report
from bench.events import TEMPLATE_EVENTS
from bench.scenarios import Plan, Result, run

ROOT = Path(__file__).resolve().parent.parent


class Database(StrEnum):
    """A kind of database to measure."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Scenario(StrEnum):
    """A group of measurements."""

    CONNECTIONS = "connections"
    RATE = "rate"
    BACKLOG = "backlog"
    STORED = "stored"


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="A few minutes, less exact, with small histories.")
    ] = False,
    database: Annotated[
        list[Database] | None, typer.Option(help="Only this kind of database.")
    ] = None,
    scenario: Annotated[list[Scenario] | None, typer.Option(help="Only these scenarios.")] = None,
    connections: Annotated[
        list[int] | None, typer.Option(help="Connections to try; 1, 4, 16, 32, 128 by default.")
    ] = None,
    events: Annotated[int | None, typer.Option(help="Events in each closed loop.")] = None,
    rate: Annotated[int, typer.Option(help="Events a second in the open loop.")] = 100,
    backlog: Annotated[int | None, typer.Option(help="Events that come all at once.")] = None,
    stored: Annotated[
        list[int] | None,
        typer.Option(help=f"Events stored beforehand, in multiples of {TEMPLATE_EVENTS:,}."),
    ] = None,
    results: Annotated[Path, typer.Option(help="Where the JSON file goes.")] = ROOT
    / "bench-results",
) -> None:
    """Measure how fast the listener stores and applies events, and what each costs.

    Everything happens in databases of its own in a temporary folder, removed at the end.
    """
    chosen = set(scenario or Scenario)
    stored = stored or ([10_000, 100_000] if quick else [10_000, 1_000_000, 5_000_000])
    if any(size < TEMPLATE_EVENTS or size % TEMPLATE_EVENTS for size in stored):
        raise typer.BadParameter(f"--stored must be a multiple of {TEMPLATE_EVENTS:,}.")
    plan = Plan(
        kinds=tuple(kind.value for kind in database or Database),
        connections=_if(
            Scenario.CONNECTIONS in chosen,
            connections or ([1, 32] if quick else [1, 4, 16, 32, 128]),
        ),
        events=events or (3_000 if quick else 20_000),
        rates=_if(Scenario.RATE in chosen, [rate]),
        rate_seconds=10 if quick else 60,
        backlog=(backlog or (5_000 if quick else 100_000)) if Scenario.BACKLOG in chosen else 0,
        stored=_if(Scenario.STORED in chosen, stored),
    )
    began = datetime.now(UTC)
    folder = Path(tempfile.mkdtemp(prefix="billing-bench-"))
    done: list[Result] = []
    try:
        for result in run(plan, folder):
            done.append(result)
            sys.stderr.write(report.table([result]).splitlines()[1] + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    typer.echo(report.table(done))
    typer.echo(f"Written to {report.write(done, results, began=began)}.")


def _if(wanted: bool, values: list[int]) -> tuple[int, ...]:
    return tuple(values) if wanted else ()


if __name__ == "__main__":
    typer.run(main)
