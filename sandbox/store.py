"""Everything that the sandbox knows, in one SQLite file, so that a restart keeps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson

from sandbox.errors import no_such
from sandbox.shapes import Json

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    customer TEXT, due_at INTEGER, token TEXT UNIQUE, json TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, created, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind);
CREATE INDEX IF NOT EXISTS objects_by_due ON objects (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, created INTEGER NOT NULL,
    api_version TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_created ON events (created, seq);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, endpoint_id TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at REAL NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending', last_error TEXT);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_attempt_at, seq)
    WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_SPOKEN = {"payment_method": "PaymentMethod", "checkout.session": "checkout.session"}


@dataclass(frozen=True, slots=True)
class Query:
    """Which objects to list: SQL conditions with their values, and the window of the page."""

    where: Sequence[tuple[str, object]] = ()
    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, newest first."""

    rows: list[Json]
    has_more: bool


class Store:
    """The sandbox's tables. All calls are made from one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the state at `path`, or in memory only."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=10
        )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction, part of that one."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def put(self, value: Json, *, due_at: int | None = None) -> None:
        """Keep an object as it is now; `due_at` is when it next changes by itself."""
        customer = value.get("customer")
        self.connection.execute(
            "INSERT INTO objects (id, kind, created, customer, due_at, token, json)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET json = excluded.json,"
            " due_at = excluded.due_at, customer = excluded.customer, token = excluded.token",
            (
                value["id"],
                value["object"],
                value.get("created", 0),
                customer,
                due_at,
                value.get("_token"),
                orjson.dumps(value).decode(),
            ),
        )

    def remove(self, object_id: str) -> None:
        """Forget an object."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (object_id,))

    def find(self, object_id: str) -> Json | None:
        """The object with that id, of whatever kind."""
        row = self.connection.execute(
            "SELECT json FROM objects WHERE id = ?", (object_id,)
        ).fetchone()
        return _read(row[0]) if row else None

    def get(self, kind: str, object_id: str, param: str | None = None) -> Json:
        """The object; raises `Refusal` (`resource_missing`) if there is none of that kind."""
        value = self.find(object_id)
        if value is None or value["object"] != kind:
            raise no_such(_SPOKEN.get(kind, kind.rpartition(".")[2]), object_id, param)
        return value

    def by_token(self, token: str) -> Json | None:
        """The object whose hosted page has that token in its address."""
        row = self.connection.execute(
            "SELECT json FROM objects WHERE token = ?", (token,)
        ).fetchone()
        return _read(row[0]) if row else None

    def all(self, kind: str, where: Mapping[str, object] | None = None) -> list[Json]:
        """Every object of a kind, oldest first; `where` maps columns or JSON paths to values."""
        conditions = [("kind = ?", kind), *_equalities(where or {})]
        sql = f"SELECT json FROM objects WHERE {_conjunction(conditions)} ORDER BY created, seq"  # noqa: S608 - conditions are our own text
        return [_read(row[0]) for row in self._run(sql, conditions)]

    def next_due(self, until: int) -> tuple[int, Json] | None:
        """The earliest thing that becomes due by `until`, and when."""
        row = self.connection.execute(
            "SELECT due_at, json FROM objects WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1",
            (until,),
        ).fetchone()
        return (row[0], _read(row[1])) if row else None

    def page(self, table: str, query: Query, columns: str = "json") -> Page:
        """One page of `objects` or `events`, newest first, as Stripe's cursors cut it.

        Raises `Refusal` if a cursor names nothing.
        """
        conditions = list(query.where)
        backwards = query.ending_before is not None
        cursor = query.ending_before or query.starting_after
        if cursor is not None:
            name = "ending_before" if backwards else "starting_after"
            created, seq = self._position(table, cursor, name)
            comparison = ">" if backwards else "<"
            conditions.append((f"created {comparison}= ?", created))
            conditions.append((f"(created {comparison} {created:d} OR seq {comparison} ?)", seq))
        order = "ASC" if backwards else "DESC"
        sql = (
            f"SELECT {columns} FROM {table} WHERE {_conjunction(conditions)}"  # noqa: S608 - conditions are our own text
            f" ORDER BY created {order}, seq {order} LIMIT {query.limit + 1:d}"
        )
        rows = [
            {**_read(row[-1]), **{name: row[name] for name in row.keys()[:-1]}}
            for row in self._run(sql, conditions)
        ]
        kept = rows[: query.limit]
        return Page(kept[::-1] if backwards else kept, len(rows) > query.limit)

    def _position(self, table: str, object_id: str, param: str) -> tuple[int, int]:
        row = self.connection.execute(
            f"SELECT created, seq FROM {table} WHERE id = ?",  # noqa: S608 - one of two table names
            (object_id,),
        ).fetchone()
        if row is None:
            raise no_such("object", object_id, param)
        return row[0], row[1]

    def _run(self, sql: str, conditions: Sequence[tuple[str, object]]) -> list[sqlite3.Row]:
        cursor = self.connection.cursor()
        cursor.row_factory = sqlite3.Row
        values = [value for text, value in conditions if "?" in text]
        return cast("list[sqlite3.Row]", cursor.execute(sql, values).fetchall())

    def setting(self, name: str) -> str | None:
        """A remembered value, such as how far the clock was moved."""
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def remember(self, name: str, value: str) -> None:
        """Keep a value across restarts."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def _read(text: str) -> Json:
    return cast("Json", orjson.loads(text))


def _equalities(where: Mapping[str, object]) -> list[tuple[str, object]]:
    return [equal(name, value) for name, value in where.items()]


def equal(name: str, value: object) -> tuple[str, object]:
    """The condition that a column, or a JSON path that starts with `$`, has a value."""
    return (f"json_extract(json, '{name}') = ?" if name.startswith("$") else f"{name} = ?", value)


def _conjunction(conditions: Sequence[tuple[str, object]]) -> str:
    return " AND ".join(text for text, _ in conditions) or "1"
