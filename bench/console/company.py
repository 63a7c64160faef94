"""``python -m bench.console.company``: write a company of the asked size into a database.

The database must be empty and on this machine; it is marked as a benchmark before anything else.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from bench.console import copies, mark
from bench.console.mark import Size
from bench.console.staff import made_up_links, store_drift, store_links, take_links
from bench.console.template import EVENTS_AN_ORG, store_template
from webhook_listener import schema
from webhook_listener.database import derived_transaction, writer_engine
from webhook_listener.links import results

TEMPLATE_ORGS = 10_000


def make_company(database_url: str, size: Size) -> None:
    """Migrate an empty database and fill it; nothing where it is filled already.

    Raises SystemExit with a sentence where it holds anything else.
    """
    with _engine(database_url) as engine:
        schema.migrate(engine)
        if mark.is_complete(engine, size):
            return
        began = time.monotonic()
        mark.begin(engine, size)
        end = int(time.time()) - 5
        happenings = store_template(engine, size.template, end=end)
        store_drift(engine, size.template, end=end)
        _say(f"stored {size.template:,} organizations", began)
        if size.copies > 1:
            copies.multiply(engine, size.copies)
        links = made_up_links(happenings, orgs=size.template, end=end)
        _finish(engine, size, links, began)


def grow_company(database_url: str, size: Size) -> None:
    """Multiply a company that is its own template to ``size``; nothing where it is that already.

    Raises SystemExit with a sentence where the database holds anything else.
    """
    with _engine(database_url) as engine:
        schema.migrate(engine)
        if mark.held(engine) == size or not mark.is_complete(
            engine, Size(size.template, size.template)
        ):
            return
        began = time.monotonic()
        mark.begin(engine, size)
        links = take_links(engine)
        copies.multiply(engine, size.copies)
        _finish(engine, size, links, began)


def _finish(engine: Engine, size: Size, links: Sequence[dict[str, Any]], began: float) -> None:
    count = store_links(engine, links, copies=size.copies)
    _say(f"stored {count:,} links", began)
    with derived_transaction(engine) as connection:
        results.rebuild(connection, now=datetime.now(UTC))
    copies.settle(engine)
    mark.finish(engine, size)
    _say(f"{size.orgs:,} organizations, {size.orgs * EVENTS_AN_ORG:,} events", began)


@contextmanager
def _engine(database_url: str) -> Iterator[Engine]:
    mark.refuse_another_machine(database_url)
    engine = writer_engine(database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def main(
    database_url: Annotated[str, typer.Argument(help="An empty database on this machine.")],
    orgs: Annotated[int, typer.Option(help="How many organizations.")] = 1_000_000,
    template: Annotated[
        int, typer.Option(help="How many of them are stored for real and then copied.")
    ] = TEMPLATE_ORGS,
) -> None:
    """Write a made-up company: organizations, ten events each, two years of changes and links."""
    if template < 100 or orgs < template or orgs % template:
        raise typer.BadParameter("--orgs must be a multiple of --template, which is at least 100.")
    make_company(database_url, Size(orgs, template))


def _say(what: str, began: float) -> None:
    sys.stderr.write(f"{what} after {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
