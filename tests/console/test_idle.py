"""What a console costs while nobody clicks: no connection, no transaction, no collecting."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import Engine, text

from bench.console.company import make_company
from bench.console.mark import Size
from bench.console.serving import Console, console_on
from bench.console.session import open_tab
from bench.console.visits import VISITS, Sample, query_string, sample_of
from tests.console.serving import Console as Served
from tests.support.databases import PostgreSQL, fresh_postgresql
from webhook_listener.database import writer_engine

SIZE = Size(100, 100)
BUSY = text(
    "SELECT state, query FROM pg_stat_activity WHERE usename = 'console_reader'"
    " AND (state <> 'idle' OR xact_start IS NOT NULL OR backend_xmin IS NOT NULL)"
)
HELD = text("SELECT count(*) FROM pg_stat_activity WHERE usename = 'console_reader'")
PROBE = """
import gc, sys, uvicorn
from streamlit import config
def run(self, sockets):
    print(gc.get_freeze_count(), config.get_option("runner.postScriptGC"), "pandas" in sys.modules)
uvicorn.Server.run = run
from console import server
server.serve("127.0.0.1", 0)
"""


async def still_busy(engine: Engine) -> list[str]:
    """What the database does all the time; a page that looks again by itself does so for moments."""
    deadline = time.monotonic() + 10
    while True:
        with engine.connect() as connection:
            busy = [f"{row.state} {row.query}" for row in connection.execute(BUSY)]
        if not busy or time.monotonic() > deadline:
            return busy
        await asyncio.sleep(0.05)


async def look_at_everything(console: Console, engine: Engine, sample: Sample) -> list[str]:
    """Open every page in a tab that stays open, and tell what the database still does for it."""
    choose, busy = random.Random(1), []
    for visit in {visit.page: visit for visit in VISITS}.values():
        tab, reader = await open_tab(console.url, console.cookies["admin"])
        await tab.open(visit.page, query_string(visit, sample, choose))
        busy += [f"{visit.name}: {what}" for what in await still_busy(engine)]
        tab.close()
        await tab.connection.close()
        await reader
    return busy


def test_a_page_that_is_looked_at_holds_no_transaction_and_tabs_share_few_connections(
    postgresql_server: PostgreSQL, tmp_path: Path
) -> None:
    url = fresh_postgresql(postgresql_server)
    make_company(url, SIZE)
    engine = writer_engine(url)
    sample = sample_of(engine, SIZE)
    with console_on(url, tmp_path / "console") as console:
        assert asyncio.run(look_at_everything(console, engine, sample)) == []
        with engine.connect() as connection:
            assert connection.execute(HELD).scalar_one() <= 4
    engine.dispose()


def test_what_was_imported_at_the_start_is_never_collected_again_nor_after_each_run(
    console: Served,
) -> None:
    """Collecting after each run would hold everybody up for an eighth of a second."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=console.folder,
        env=console.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    frozen, after_each_run, warmed = done.stdout.splitlines()[-1].split()
    assert int(frozen) > 100_000
    assert (after_each_run, warmed) == ("False", "True")
