"""Request bodies read with a limit, and short plain answers, on bare ASGI."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from starlette.types import Message, Receive, Scope, Send

from webhook_listener.errors import OverloadedError

READ_SECONDS = 10.0
_LONG_BYTES = 64 * 1024
_LINGER_BYTES = 32 * 1024 * 1024
_LINGER_SECONDS = 3.0
_ACCEPTED: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"0")],
}
_END: Message = {"type": "http.response.body", "body": b""}


class BodyTooLargeError(Exception):
    """The body is larger than the limit."""


class ClientGoneError(Exception):
    """The client went away, or took too long, before its body was complete."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """A header's raw bytes; ``name`` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


class Room:
    """How many bodies may be held while the rest of them is on its way."""

    def __init__(self, places: int) -> None:
        self._free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place. Raises OverloadedError when none is free."""
        if self._free == 0:
            raise OverloadedError
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def read_body(
    scope: Scope, receive: Receive, *, limit: int, room: Room | None = None
) -> bytes:
    """The whole body. Raises BodyTooLargeError beyond ``limit`` bytes, or ClientGoneError.

    A long body that does not come at once takes a place in ``room``; OverloadedError if that has
    none.
    """
    declared = header(scope, b"content-length")
    length = int(declared) if declared is not None and declared.isdigit() else None
    if length is not None and length > limit:
        raise BodyTooLargeError
    message = await receive()
    body: bytes = _chunk(message)
    if len(body) > limit:
        raise BodyTooLargeError
    if not message.get("more_body", False):
        return body
    long = length is None or length > _LONG_BYTES
    with room.place() if room is not None and long else nullcontext():
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await _read_rest(receive, body, limit)
        except TimeoutError:
            raise ClientGoneError from None


async def _read_rest(receive: Receive, start: bytes, limit: int) -> bytes:
    body = bytearray(start)
    while True:
        message = await receive()
        body += _chunk(message)
        if len(body) > limit:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _chunk(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    chunk: bytes = message.get("body", b"")
    return chunk


async def answer(
    send: Send, status: int, sentence: str, *, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Answer with one line of plain text."""
    body = sentence.encode() + b"\n"
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def accept(send: Send) -> None:
    """Answer 200 with nothing more: a body would be a second packet, and nobody reads it."""
    await send(_ACCEPTED)
    await send(_END)


async def refuse_large(receive: Receive, send: Send, sentence: str) -> None:
    """Answer 413 and let go of what still comes.

    Closing at once would reset the connection, and the client would never see the answer.
    """
    body = sentence.encode() + b"\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(_chunk(message))
                if not message.get("more_body", False):
                    break
    except (TimeoutError, ClientGoneError):
        pass
    await send({"type": "http.response.body", "body": b""})
