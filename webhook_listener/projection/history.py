"""An object's versions read back from the inbox, no further back than they are needed."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Generic, TypeVar

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


class History(Generic[F]):
    """Objects' events in the inbox: all are listed together, and their newest second read together.

    Most objects that have to be read back need no more than that second.
    """

    def __init__(
        self,
        workspace: Workspace,
        family: Family[F],
        config: BillingConfig,
        object_ids: Sequence[str],
    ) -> None:
        self._workspace = workspace
        self._family = family
        self._config = config
        self._seconds = _seconds_of(workspace, family, object_ids) if object_ids else {}
        self._fetch([event_id for seconds in self._seconds.values() for event_id in seconds[0]])

    def versions(self, object_id: str, *, whole: bool) -> list[Version[F]]:
        """The object's newest versions, latest second first.

        Only with ``whole`` are those read that come before the last second and before what that
        second follows from: ``resolve`` looks at no others while none of them is final.
        """
        versions: list[Version[F]] = []
        for event_ids in self._seconds.get(object_id, ()):
            second = self._versions(event_ids)
            versions += second
            if not whole and _settles(second):
                break
        return versions

    def _versions(self, event_ids: Sequence[str]) -> list[Version[F]]:
        self._fetch(event_ids)
        versions = []
        for event_id in event_ids:
            event = self._workspace.events.get(event_id)
            try:
                if event is not None:
                    versions.append(self._family.version(event, self._config))
            except UnreadableShapeError:
                continue  # parked when it came
        return versions

    def _fetch(self, event_ids: Sequence[str]) -> None:
        """Have these events at hand, as far as they have a payload."""
        at_hand = self._workspace.events
        missing = [event_id for event_id in event_ids if event_id not in at_hand]
        at_hand.update(bodies(self._workspace.connection, missing))


def _seconds_of(
    workspace: Workspace, family: Family[Any], object_ids: Sequence[str]
) -> dict[str, list[list[str]]]:
    """Each object's events by the second, the latest first."""
    sql = row_sql(_EVENTS, workspace.connection.dialect.name)
    values = (sql.as_list(object_ids), sql.as_list(list(family.types)))
    rows = workspace.connection.exec_driver_sql(_statement(sql), values).all()
    seconds: dict[str, list[list[str]]] = {}
    for (object_id, _), events in groupby(rows, key=lambda row: (row[0], row[1])):
        seconds.setdefault(object_id, []).append([event_id for _, _, event_id in events])
    return seconds


def _statement(sql: RowSql) -> str:
    of_one = (
        f"FROM webhook_events WHERE object_id = one.value AND type {sql.is_one_of}"
        f" AND outcome <> 'ignored' ORDER BY created DESC LIMIT {HISTORY_LIMIT}"
    )
    if sql.one_writer:  # SQLite, which knows no LATERAL
        events = f"json_each(?) AS one CROSS JOIN webhook_events WHERE event_id IN (SELECT event_id {of_one})"
    else:
        events = (
            "unnest(%s::text[]) AS one(value)"
            f" CROSS JOIN LATERAL (SELECT object_id, created, event_id {of_one}) AS newest"
        )
    return f"SELECT object_id, created, event_id FROM {events} ORDER BY object_id, created DESC"  # noqa: S608 - our own names


def _settles(second: Sequence[Version[F]]) -> bool:
    """Whether what a second ends in does not depend on the seconds before it."""
    events = sum(version.kind is not Kind.SNAPSHOT for version in second)
    return bool(second) and (events <= 1 or events < len(second))
