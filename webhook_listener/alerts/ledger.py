"""Who was told what: one notice for as long as a condition lasts, a repeat now and then, and its end.

Pure: the ledger is plain JSON that is kept between runs; time comes in as an argument.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing_core.alerts.conditions import Condition
from billing_core.alerts.policy import AlertPolicy
from webhook_listener.alerts.notice import Kind

_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Due:
    """A notice that one target has to be given now."""

    target: str
    kind: Kind
    name: str
    title: str
    sentence: str
    since: datetime


class Ledger:
    """The conditions that are on or just over, and what each target knows of them.

    ``kept`` is what ``json`` gave before; ``targets`` are the names of those that there are now.
    """

    def __init__(self, kept: dict[str, Any], targets: Sequence[str], policy: AlertPolicy) -> None:
        self._on: dict[str, dict[str, Any]] = {
            name: {**entry, "channels": _only(entry["channels"], targets)}
            for name, entry in kept.get("on", {}).items()
        }
        self._targets = targets
        self._lasts = timedelta(seconds=policy.lasts_seconds)
        self._repeat = timedelta(hours=policy.repeat_hours)

    def json(self) -> dict[str, Any]:
        """The ledger as it is to be kept."""
        return {"on": self._on}

    def take(self, conditions: Sequence[Condition], now: datetime) -> None:
        """Enter what is wrong now, and that what is not is over."""
        wrong = {condition.name: condition for condition in conditions}
        for name, condition in wrong.items():
            new = {"since": now.isoformat(), "channels": {}}
            entry = self._on.setdefault(name, new)
            entry |= {"title": condition.title, "sentence": condition.sentence, "over_at": None}
        for name in list(self._on):
            if name not in wrong:
                self._end(name, now)

    def due(self, now: datetime) -> Iterator[Due]:
        """What has to be told now; say of each whether it was, with ``told`` or ``failed``."""
        for name, entry in sorted(self._on.items()):
            for target in self._targets:
                kind = self._kind(entry, entry["channels"].get(target, {}), now)
                if kind is not None:
                    since = datetime.fromisoformat(entry["since"])
                    yield Due(target, kind, name, entry["title"], entry["sentence"], since)

    def told(self, due: Due, now: datetime) -> None:
        """The target has the notice."""
        channels = self._on[due.name]["channels"]
        if due.kind is not Kind.RECOVERED:
            channels[due.target] = {"told_at": now.isoformat(), "tries": 0}
            return
        channels.pop(due.target, None)
        if not channels:
            del self._on[due.name]

    def failed(self, due: Due, now: datetime) -> None:
        """The target could not be reached; it is tried again, ever more rarely."""
        channel = self._on[due.name]["channels"].setdefault(due.target, {})
        tries = channel.get("tries", 0) + 1
        wait = min(_FIRST_RETRY * 2 ** min(tries - 1, 10), _LONGEST_RETRY)
        channel |= {"tries": tries, "next_try_at": (now + wait).isoformat()}

    def _end(self, name: str, now: datetime) -> None:
        entry = self._on[name]
        if not entry["channels"]:  # nobody was told, so nobody need be told that it is over
            del self._on[name]
        elif entry["over_at"] is None:
            entry["over_at"] = now.isoformat()

    def _kind(self, entry: dict[str, Any], channel: dict[str, Any], now: datetime) -> Kind | None:
        if now < _time(channel.get("next_try_at"), now):
            return None
        if entry["over_at"] is not None:
            over = now - datetime.fromisoformat(entry["over_at"]) >= self._lasts
            return Kind.RECOVERED if channel and over else None
        if channel.get("told_at") is None:
            lasts = now - datetime.fromisoformat(entry["since"]) >= self._lasts
            return Kind.RAISED if lasts else None
        again = now - datetime.fromisoformat(channel["told_at"]) >= self._repeat
        return Kind.CONTINUES if again else None


def _only(channels: dict[str, Any], targets: Sequence[str]) -> dict[str, Any]:
    return {name: dict(channel) for name, channel in channels.items() if name in targets}


def _time(kept: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(kept) if kept else otherwise
