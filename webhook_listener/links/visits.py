"""Looks at links' pages: counted in memory, and written by the writer a little later.

No visit waits for it, and looking changes no link. A listener that is killed forgets what it has
not written yet, which may be five seconds' worth.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection, func

from billing_core.queries.tables import LINK_VISITS
from webhook_listener.apply import describe
from webhook_listener.errors import OverloadedError
from webhook_listener.links import tally
from webhook_listener.upsert import insert
from webhook_listener.writer import Writer

_WRITTEN_AFTER_SECONDS = 5.0
_log = structlog.get_logger("webhook_listener.links")


@dataclass(slots=True)
class _Looks:
    opened: int = 0
    first_opened_at: datetime | None = None
    last_opened_at: datetime | None = None
    returned: int = 0
    last_returned_at: datetime | None = None


class Visits:
    """Counts looks by link; used on the event loop alone."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)

    def opened(self, link_id: str) -> None:
        """The page of a link that works was shown, to a person or to a mail scanner."""
        looks, now = self._noted(link_id)
        looks.opened += 1
        looks.first_opened_at = looks.first_opened_at or now
        looks.last_opened_at = now

    def returned(self, link_id: str) -> None:
        """Somebody came back from Stripe's page."""
        looks, now = self._noted(link_id)
        looks.returned += 1
        looks.last_returned_at = now

    def write(self) -> None:
        """Hand what was counted to the writer, which adds it to what is there."""
        counted, self._looks = dict(self._looks), defaultdict(_Looks)
        if not counted:
            return
        try:
            written = self._writer.run(lambda connection: add(connection, counted))
        except OverloadedError:
            return
        written.add_done_callback(_complain)

    def _noted(self, link_id: str) -> tuple[_Looks, datetime]:
        if not self._looks:
            asyncio.get_running_loop().call_later(_WRITTEN_AFTER_SECONDS, self.write)
        return self._looks[link_id], datetime.now(UTC)


def add(connection: Connection, counted: Mapping[str, _Looks]) -> None:
    """Add looks by link id, always in the same order, so that no two writers deadlock."""
    statement, c = insert(connection, LINK_VISITS), LINK_VISITS.c
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["link_id"],
        set_={
            "opened": c.opened + new.opened,
            "first_opened_at": func.coalesce(c.first_opened_at, new.first_opened_at),
            "last_opened_at": func.coalesce(new.last_opened_at, c.last_opened_at),
            "returned": c.returned + new.returned,
            "last_returned_at": func.coalesce(new.last_returned_at, c.last_returned_at),
        },
    )
    rows = [
        {
            "link_id": link_id,
            "opened": looks.opened,
            "first_opened_at": looks.first_opened_at,
            "last_opened_at": looks.last_opened_at,
            "returned": looks.returned,
            "last_returned_at": looks.last_returned_at,
        }
        for link_id, looks in sorted(counted.items())
    ]
    with tally.recounted(connection, counted):
        connection.execute(statement, rows)


def _complain(written: "Future[None]") -> None:
    error = written.exception()
    if error is not None:
        _log.warning("links.looks_not_written", cause=describe(error))
