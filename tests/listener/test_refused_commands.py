"""Strangers who knock are recorded, and cannot fill the audit log."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, cast

from billing_core.commands import Caller
from webhook_listener.refused_commands import MOST_FROM_STRANGERS, RefusedCommands
from webhook_listener.writer import Writer


class CountingWriter:
    """Takes work as the writer does, and only counts it."""

    def __init__(self) -> None:
        self.asked = 0

    def run(self, work: Callable[..., Any]) -> "Future[int]":
        self.asked += 1
        done: Future[int] = Future()
        done.set_result(self.asked)
        return done


def test_of_strangers_only_so_many_a_minute_are_written_down_and_of_staff_all() -> None:
    writer, now = CountingWriter(), [0.0]
    refused = RefusedCommands(cast("Writer", writer), lambda: now[0])
    ann = Caller("ann", frozenset({"support"}), "token_1")

    async def knock(caller: Caller | None, times: int) -> int:
        before = writer.asked
        for _ in range(times):
            await refused.note(caller, "token_not_valid", None, None)
        return writer.asked - before

    assert asyncio.run(knock(None, 100)) == MOST_FROM_STRANGERS
    assert asyncio.run(knock(ann, 100)) == 100
    now[0] += 61
    assert asyncio.run(knock(None, 100)) == MOST_FROM_STRANGERS
