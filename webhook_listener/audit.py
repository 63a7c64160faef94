"""The audit log: append only, each entry sealed with the hash of the one before it.

An entry's hash is SHA-256 over the previous hash and the entry's fields as canonical JSON. Numbers
have no gaps, and ``listener_state`` keeps the last one, so that a changed, an inserted and a
removed entry, the last one included, are all found.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from webhook_listener.database import lock_audit
from webhook_listener.links import tally
from webhook_listener.tables import AUDIT, STATE
from webhook_listener.upsert import insert

GENESIS = "0" * 64
_HEAD = "audit_head"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one line of the audit log says; ``outcome`` is begun, minted, refused or denied."""

    at: datetime
    actor: str
    role: str
    action: str
    outcome: str
    org_id: str | None = None
    destination: str | None = None
    subscription_id: str | None = None
    reason: str | None = None
    link_id: str | None = None
    follows: int | None = None
    detail: str | None = None
    token_id: str | None = None


def append(connection: Connection, entry: Entry) -> int:
    """Add an entry in the caller's transaction; its ``audit_id``."""
    lock_audit(connection)
    last_id, previous_hash = _head(connection)
    audit_id = last_id + 1
    fields = asdict(entry)
    sealed = _seal(previous_hash, audit_id, fields)
    connection.execute(
        AUDIT.insert(),
        {"audit_id": audit_id, **fields, "previous_hash": previous_hash, "hash": sealed},
    )
    head = {"audit_id": audit_id, "hash": sealed}
    statement = insert(connection, STATE).values(name=_HEAD, value=head, updated_at=entry.at)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": head, "updated_at": entry.at}
        )
    )
    tally.count_entry(
        connection,
        entry.at,
        action=entry.action,
        outcome=entry.outcome,
        destination=entry.destination,
        detail=entry.detail,
    )
    return audit_id


def verify(connection: Connection) -> int | None:
    """The number of the first entry that is not as it was written; None where all are."""
    expected_id, previous_hash = 1, GENESIS
    for row in _entries(connection):
        fields = {name: row[name] for name in Entry.__dataclass_fields__}
        intact = (
            row["audit_id"] == expected_id
            and row["previous_hash"] == previous_hash
            and row["hash"] == _seal(previous_hash, expected_id, fields)
        )
        if not intact:
            return min(expected_id, int(row["audit_id"]))
        expected_id, previous_hash = expected_id + 1, row["hash"]
    last_id, last_hash = _head(connection)
    return None if (last_id, last_hash) == (expected_id - 1, previous_hash) else expected_id


def _entries(connection: Connection) -> Iterator[dict[str, Any]]:
    result = connection.execution_options(yield_per=1000).execute(
        select(AUDIT).order_by(AUDIT.c.audit_id)
    )
    for row in result.mappings():
        yield dict(row)


def _head(connection: Connection) -> tuple[int, str]:
    value = connection.execute(select(STATE.c.value).where(STATE.c.name == _HEAD)).scalar()
    if value is None:
        return 0, GENESIS
    return int(value["audit_id"]), str(value["hash"])


def _seal(previous_hash: str, audit_id: int, fields: dict[str, Any]) -> str:
    at: datetime = fields["at"]
    record = {**fields, "audit_id": audit_id, "at": at.astimezone(UTC).isoformat()}
    canonical = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(previous_hash.encode() + canonical).hexdigest()
