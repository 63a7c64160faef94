"""What an action leaves for its page to show, kept so that none of it gets lost.

Whatever is clicked meanwhile, Streamlit starts the next run at once, beside the one that still acts
(``runner.fastReruns``); that one ends where it touches Streamlit next. So whoever acts takes
the place for what comes of it first: touched afterwards, it would be known to nobody. And a second
press of the same button, whose run cannot see yet what the first will leave, must wait for it.

All of it is the tab's own: a link is a bearer credential, and no cache is to hold one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar, cast

import streamlit as st

T = TypeVar("T")
_A_MOMENT = 10


@dataclass(slots=True)
class _Done:
    """What came of a tab's latest wishes, and when; whoever acts holds the lock."""

    lock: Lock = field(default_factory=Lock)
    latest: dict[tuple[str, ...], tuple[float, Any]] = field(default_factory=dict, repr=False)


def place(key: str, of: type[T]) -> list[T]:  # noqa: ARG001 - says what the caller keeps there
    """Where this tab keeps at most one thing: an ordinary list, empty or of one."""
    return cast("list[T]", st.session_state.setdefault(key, []))


def once(wish: tuple[str, ...], act: Callable[[], T]) -> T:
    """What ``act`` returns. The same wish of the same tab within a moment is a second press.

    It waits for the first and gets what came of it. Where ``act`` raises, nothing is remembered.
    """
    done = _done()
    with done.lock:
        since = time.monotonic() - _A_MOMENT
        for known in [known for known, (at, _) in done.latest.items() if at < since]:
            del done.latest[known]
        if wish in done.latest:
            return cast("T", done.latest[wish][1])
        result = act()
        done.latest[wish] = (time.monotonic(), result)
        return result


def let_go(things: list[T], *, unless: Callable[[T], bool]) -> None:
    """Keep no more than is still to be shown; whoever wishes for the rest again means it."""
    kept = [each for each in things if unless(each)]
    if len(kept) < len(things):
        things[:] = kept
        begin_anew()


def begin_anew() -> None:
    """From now on the same wish is meant, however soon it comes."""
    done = _done()
    with done.lock:
        done.latest.clear()


def _done() -> _Done:
    return cast("_Done", st.session_state.setdefault("done", _Done()))
