"""``/healthz``, ``/readyz`` and ``/metrics``: alive, able to write, and how it goes."""

import asyncio
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, func, select, text
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from webhook_listener import schema, state
from webhook_listener.database import reading_transaction
from webhook_listener.errors import OverloadedError, SchemaError
from webhook_listener.metrics import Metrics
from webhook_listener.pending import oldest_pending
from webhook_listener.projector_process import ProjectorProcess
from webhook_listener.tables import EVENTS, STATE
from webhook_listener.upsert import insert
from webhook_listener.writer import Writer

_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 8.0
_COUNTED_TO = 100_000
_NOT_APPLYING = "ready to store; the projector is being started again. Events are kept and applied once it runs.\n"


class Health:
    """Answers the three routes; checks that cost something are made once a second at most."""

    def __init__(
        self, engine: Engine, writer: Writer, metrics: Metrics, projector: ProjectorProcess
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._metrics = metrics
        self._projector = projector
        self._checking = asyncio.Lock()
        self._checked_at = 0.0
        self._trouble: str | None = "The listener is starting."

    async def healthz(self, _request: Request) -> Response:
        """The event loop turns and the writer's thread runs."""
        if self._writer.alive:
            return PlainTextResponse("alive\n")
        return PlainTextResponse("The writer has stopped: restart the listener.\n", 503)

    async def readyz(self, _request: Request) -> Response:
        """A write can be done and the schema is the needed one: deliveries can be acknowledged."""
        async with self._checking:
            if time.monotonic() - self._checked_at > _FRESH_SECONDS:
                self._trouble = await self._find_trouble()
                self._checked_at = time.monotonic()
        if self._trouble is not None:
            return PlainTextResponse(self._trouble + "\n", status_code=503)
        return PlainTextResponse("ready\n" if self._projector.up else _NOT_APPLYING)

    async def metrics(self, _request: Request) -> Response:
        """Prometheus text; the gauges that need the database keep their last value without it."""
        self._metrics.projector_up.set(self._projector.up)
        await run_in_threadpool(self._read_gauges)
        content_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(self._metrics.render(), media_type=content_type)

    async def _find_trouble(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await asyncio.wrap_future(self._writer.run(_beat))
        except (SchemaError, OverloadedError) as error:
            return str(error)
        except TimeoutError:
            return "The database did not answer a write in time. Events are not acknowledged."
        except Exception:  # noqa: BLE001 - whatever it is, writing does not work
            return "The database cannot be written. Events are answered 503; Stripe resends them."
        return None

    def _read_gauges(self) -> None:
        try:
            with reading_transaction(self._engine) as connection:
                _set_gauges(connection, self._metrics)
        except Exception:  # noqa: BLE001 - a scrape must answer while the database is away
            return


def _beat(connection: Connection) -> None:
    schema.require_head(connection)
    now = datetime.now(UTC)
    statement = insert(connection, STATE).values(name="heartbeat", value={}, updated_at=now)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"updated_at": now})
    )


def _set_gauges(connection: Connection, metrics: Metrics) -> None:
    for outcome, gauge in (("pending", metrics.backlog), ("parked", metrics.parked)):
        counted = connection.execute(
            text(
                "SELECT count(*) FROM (SELECT 1 FROM webhook_events"  # noqa: S608 - two constants
                f" WHERE outcome = '{outcome}' AND outcome IN ('pending', 'parked')"
                f" LIMIT {_COUNTED_TO}) AS counted"
            )
        )
        gauge.set(counted.scalar_one())
    oldest = connection.execute(oldest_pending()).scalar_one_or_none()
    age = (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0
    metrics.oldest_pending_seconds.set(max(0.0, age))
    received = connection.execute(select(func.max(EVENTS.c.received_at))).scalar()
    metrics.last_received.set(received.timestamp() if received is not None else 0.0)
    done_at = state.read(connection, "reconcile").get("done_at")
    done = datetime.fromisoformat(done_at).timestamp() if done_at is not None else 0.0
    metrics.last_reconcile.set(done)
