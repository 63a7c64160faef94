"""``python -m bench.console``: measure the console; see ``bench/README.md``."""

import asyncio
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.console import measure, report
from bench.console.browser import time_clicks
from bench.console.company import TEMPLATE_ORGS
from bench.console.databases import companies
from bench.console.mark import Size
from bench.console.report import Measured
from bench.console.serving import Console, console_on
from bench.console.visits import Sample, sample_of
from webhook_listener.database import writer_engine

ROOT = Path(__file__).resolve().parent.parent.parent
_MOST_USERS = 200
_MOST_SECONDS = 600


class Database(StrEnum):
    """A kind of database to measure on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Part(StrEnum):
    """A group of measurements."""

    PAGES = "pages"
    CLICKS = "clicks"
    CROWD = "crowd"
    MEMORY = "memory"


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Under three minutes: small companies, few runs.")
    ] = False,
    database: Annotated[
        list[Database] | None, typer.Option(help="Only this kind of database.")
    ] = None,
    part: Annotated[list[Part] | None, typer.Option(help="Only these measurements.")] = None,
    orgs: Annotated[int | None, typer.Option(help="Organizations; 1,000,000 by default.")] = None,
    template: Annotated[
        int | None,
        typer.Option(help="How many are stored for real: the smaller company, then copied."),
    ] = None,
    runs: Annotated[int | None, typer.Option(help="How often each page is asked for.")] = None,
    only: Annotated[str | None, typer.Option(help="Only pages whose name holds this.")] = None,
    users: Annotated[int, typer.Option(max=_MOST_USERS, help="People at once.")] = 50,
    think: Annotated[float, typer.Option(min=0.5, help="Seconds between their clicks.")] = 3.0,
    seconds: Annotated[
        int | None, typer.Option(max=_MOST_SECONDS, help="How long they stay.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the companies here, and use those that are there.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Where the JSON file goes.")] = ROOT
    / "bench-results",
) -> None:
    """Measure each page of the console at two sizes, in a browser, and with many people at once.

    Companies are made up in databases of their own; all load goes to this machine's loopback.
    """
    small = Size(*[template or (1_000 if quick else TEMPLATE_ORGS)] * 2)
    large = Size(orgs or (20_000 if quick else 1_000_000), small.template)
    if large.orgs % small.orgs:
        raise typer.BadParameter("--orgs must be a multiple of --template.")
    began = datetime.now(UTC)
    wanted = set(part or Part)
    kinds = database or ([Database.SQLITE] if quick else list(Database))
    done = []
    for kind in kinds:
        with ExitStack() as stack:
            where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sizes = [small, large]
            urls = stack.enter_context(
                companies(kind.value, where / kind.value, small, large, keep=folder is not None)
            )
            samples = [_sample(url, size) for url, size in zip(urls, sizes, strict=True)]
            consoles = [
                stack.enter_context(console_on(url, where / f"{kind.value}-{size.orgs}"))
                for url, size in zip(urls, sizes, strict=True)
            ]
            measured = Measured(kind.value, tuple(size.orgs for size in sizes))
            done.append(measured)
            _measure(measured, wanted, consoles, samples, runs or (8 if quick else 40), only)
            if Part.CROWD in wanted:
                stay = seconds or (15 if quick else 90)
                measured.crowd = asyncio.run(
                    measure.crowd(consoles[1], samples[1], users=users, think=think, seconds=stay)
                )
            if Part.CLICKS in wanted:
                measured.clicks = time_clicks(consoles[1], samples[1], clicks=4 if quick else 20)
        typer.echo(report.table(measured))
    typer.echo(f"Written to {report.write(done, results, began=began)}.")


def _measure(
    measured: Measured,
    wanted: set[Part],
    consoles: list[Console],
    samples: list[Sample],
    runs: int,
    only: str | None,
) -> None:
    if Part.MEMORY in wanted:
        sys.stderr.write("memory of sessions\n")
        measured.memory = asyncio.run(measure.memory(consoles[1], samples[1], sessions=50))
    measured.pages = [[], []]
    if Part.PAGES in wanted:
        sys.stderr.write("pages\n")
        measured.pages = asyncio.run(measure.time_pages(consoles, samples, runs=runs, only=only))


def _sample(url: str, size: Size) -> Sample:
    engine = writer_engine(url)
    try:
        return sample_of(engine, size)
    finally:
        engine.dispose()


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
