"""A stored event as Stripe sent it, without the secrets that were taken out before it was kept."""

import zlib

import orjson
from sqlalchemy import Connection, select

from billing_core.queries.tables import EVENTS, PAYLOADS
from billing_core.rows import Payload


def payload(connection: Connection, event_id: str) -> Payload | None:
    """The redacted JSON of an event, set out to be read; None where no such event is stored.

    The caller has checked ``Permission.READ_PAYLOADS``. ``text`` is None where the payload was
    removed with the old ones, or cannot be unpacked.
    """
    v, p = EVENTS.c, PAYLOADS.c
    row = connection.execute(
        select(v.event_id, v.type, v.org_id, v.created, v.received_at, p.body)
        .join(PAYLOADS, p.event_id == v.event_id, isouter=True)
        .where(v.event_id == event_id)
    ).first()
    if row is None:
        return None
    return Payload(
        event_id=row.event_id,
        type=row.type,
        org_id=row.org_id,
        created=row.created,
        received_at=row.received_at,
        text=_set_out(row.body) if row.body is not None else None,
    )


def _set_out(body: bytes) -> str | None:
    try:
        value = orjson.loads(zlib.decompress(body))
    except (zlib.error, ValueError):
        return None
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
