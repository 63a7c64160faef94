"""One tab of one agent, without a browser: Streamlit's own messages over a real WebSocket.

What a browser would ask for by itself, such as an area that looks again every few seconds, is asked
for here too.
"""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_LONGEST_WAIT = 30.0
_MOST = 32 * 1024 * 1024


class FaultError(Exception):
    """A page showed an error, or did not finish in time; such a time would mean nothing."""


@dataclass
class Tab:
    """An open tab. ``received`` counts the bytes of the last run."""

    connection: ClientConnection
    received: int = 0
    _finished: asyncio.Future[ForwardMsg] | None = None
    _faults: list[str] = field(default_factory=list)
    _timers: list["asyncio.Task[None]"] = field(default_factory=list)
    _where: tuple[str, str] = ("", "")

    async def open(self, page: str, query: str) -> float:
        """Show a page, ``query`` as it stands in the address; seconds until it was all there."""
        self._stop_timers()
        self._where = (page, query)
        self._faults.clear()
        self.received = 0
        self._finished = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await self._ask()
        try:
            await asyncio.wait_for(self._finished, _LONGEST_WAIT)
        except TimeoutError:
            raise FaultError(f"/{page}?{query} was not there in {_LONGEST_WAIT:.0f} s") from None
        took = time.perf_counter() - began
        if self._faults:
            raise FaultError(f"/{page}?{query}: {self._faults[0][:200]}")
        return took

    async def read(self) -> None:
        """Take in what the console sends, until the tab is closed."""
        async for raw in self.connection:
            data = raw if isinstance(raw, bytes) else raw.encode()
            self.received += len(data)
            message = ForwardMsg.FromString(data)
            self._take(message)

    def close(self) -> None:
        """Stop whatever looks again by itself."""
        self._stop_timers()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            if whole and self._finished is not None and not self._finished.done():
                self._finished.set_result(message)
        elif kind == "auto_rerun":
            again = message.auto_rerun
            self._timers.append(
                asyncio.create_task(self._look_again(again.interval, again.fragment_id))
            )
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            self._faults.append(message.delta.new_element.exception.message)
        elif kind == "page_not_found":
            self._faults.append("there is no such page")

    async def _look_again(self, interval: float, fragment_id: str) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._ask(fragment_id)

    async def _ask(self, fragment_id: str = "") -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.page_name, asked.query_string = self._where
        asked.fragment_id = fragment_id
        asked.is_auto_rerun = bool(fragment_id)
        asked.context_info.timezone = "Europe/Berlin"
        asked.context_info.locale = "en-GB"
        await self.connection.send(message.SerializeToString())

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


async def open_tab(url: str, cookie: str) -> tuple[Tab, "asyncio.Task[None]"]:
    """A tab on the console at ``url`` of whoever holds ``cookie``, and the task that reads it."""
    connection = await connect(
        f"{url.replace('http', 'ws', 1)}/_stcore/stream",
        additional_headers={"Cookie": f"console_session={cookie}"},
        origin=Origin(url),
        subprotocols=[Subprotocol("streamlit")],
        max_size=_MOST,
    )
    tab = Tab(connection)
    return tab, asyncio.create_task(tab.read())


@contextmanager
def quiet_collector() -> Iterator[None]:
    """A pause of ours would look like one of the console's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
