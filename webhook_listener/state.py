"""Small facts kept between runs, one JSON value under each name in ``listener_state``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from webhook_listener.tables import STATE
from webhook_listener.upsert import insert


def read(connection: Connection, name: str) -> dict[str, Any]:
    """The value under ``name``; empty where nothing was kept yet."""
    value = connection.execute(select(STATE.c.value).where(STATE.c.name == name)).scalar()
    return dict(value) if value is not None else {}


def keep(connection: Connection, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
    """Keep ``value`` under ``name`` in the caller's transaction."""
    statement = insert(connection, STATE).values(name=name, value=dict(value), updated_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": dict(value), "updated_at": now}
        )
    )
