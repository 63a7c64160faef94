"""An object's versions read back from the inbox, no further back than they are needed."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.errors import UnreadableShapeError
from billing_core.ordering import HasFinal, Kind, Version
from webhook_listener.pending import bodies
from webhook_listener.projection.families import Family
from webhook_listener.projection.workspace import Workspace
from webhook_listener.row_sql import RowSql, row_sql

F = TypeVar("F", bound=HasFinal)

HISTORY_LIMIT = 200
_EVENTS = SQLModel.metadata.tables["webhook_events"]


def history(
    workspace: Workspace,
    family: Family[F],
    object_id: str,
    config: BillingConfig,
    *,
    whole: bool,
) -> list[Version[F]]:
    """The object's newest versions, latest second first.

    Only with ``whole`` are those read that come before the last second and before what that second
    follows from: ``resolve`` looks at no others while none of them is final.
    """
    versions: list[Version[F]] = []
    for _, rows in groupby(_events_of(workspace, family, object_id), key=lambda row: row[1]):
        second = _versions(workspace, family, [event_id for event_id, _ in rows], config)
        versions += second
        if not whole and _settles(second):
            break
    return versions


def _events_of(workspace: Workspace, family: Family[F], object_id: str) -> Sequence[Any]:
    sql = row_sql(_EVENTS, workspace.connection.dialect.name)
    values = (object_id, sql.as_list(list(family.types)))
    return workspace.connection.exec_driver_sql(_statement(sql), values).all()


def _statement(sql: RowSql) -> str:
    return (
        f"SELECT event_id, created FROM webhook_events WHERE object_id = {sql.mark}"  # noqa: S608 - our own names
        f" AND type {sql.is_one_of} AND outcome <> 'ignored'"
        f" ORDER BY created DESC LIMIT {HISTORY_LIMIT}"
    )


def _versions(
    workspace: Workspace, family: Family[F], event_ids: Sequence[str], config: BillingConfig
) -> list[Version[F]]:
    at_hand = workspace.events
    missing = [event_id for event_id in event_ids if event_id not in at_hand]
    events = bodies(workspace.connection, missing)
    versions = []
    for event_id in event_ids:
        event = at_hand.get(event_id) or events.get(event_id)
        try:
            if event is not None:
                versions.append(family.version(event, config))
        except UnreadableShapeError:
            continue  # parked when it came
    return versions


def _settles(second: Sequence[Version[F]]) -> bool:
    """Whether what a second ends in does not depend on the seconds before it."""
    events = sum(version.kind is not Kind.SNAPSHOT for version in second)
    return bool(second) and (events <= 1 or events < len(second))
