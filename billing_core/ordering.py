"""Which of an object's versions is the last, whatever order they arrived in.

Stripe promises no order, and ``created`` counts whole seconds. Everything here is a pure function
of the *set* of an object's versions, so any permutation and any duplication gives one answer:

1. A final version (deleted, canceled, expired) beats all that are not.
2. A later second beats an earlier one. A snapshot asked from Stripe covers what was created
   before the second, by Stripe's own clock, in which it was answered.
3. Within a second each update is an edge from the state before it to the state after it. Where the
   edges form one trail, its end is the answer. Where they do not — one is missing, or they are a
   loop whose start is not known — the answer is not certain and Stripe has to be asked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar


class HasFinal(Protocol):
    """Facts that know whether their object can still change."""

    @property
    def final(self) -> bool:
        """Whether Stripe never changes the object again."""
        ...

    def __hash__(self) -> int: ...


F = TypeVar("F", bound=HasFinal)


class Kind(Enum):
    """What a version is: the first, a change, the last, or an answer to a question of ours."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Version(Generic[F]):
    """One event's view of an object.

    ``created`` is Stripe's time in whole seconds. ``before`` is None where the event does not say
    what changed. ``request_id`` names the request that caused it: two events that tell the same
    change for the same request are one change told twice.
    """

    event_id: str
    created: int
    kind: Kind
    before: F | None
    after: F
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution(Generic[F]):
    """The last version, as far as the versions at hand can tell.

    ``peers`` counts the events of the deciding second; ``certain`` is False where only Stripe can
    say which of them came last, and ``facts`` is then the best guess.
    """

    facts: F
    event_id: str
    created: int
    certain: bool
    peers: int


def resolve(
    versions: Sequence[Version[F]], *, prefer: Callable[[F], object] | None = None
) -> Resolution[F]:
    """The last of ``versions`` (at least one, each event once).

    ``prefer`` ranks facts where a guess has to be made: the highest is taken.
    """
    finals = [version for version in versions if _is_final(version)]
    if finals:
        last = max(finals, key=lambda v: (v.created, v.kind is Kind.DELETED, v.event_id))
        peers = sum(1 for version in versions if version.created == last.created)
        return Resolution(last.after, last.event_id, last.created, certain=True, peers=peers)
    return _resolve_open(versions, prefer)


def _is_final(version: Version[F]) -> bool:
    return version.kind is Kind.DELETED or version.after.final


def _resolve_open(
    versions: Sequence[Version[F]], prefer: Callable[[F], object] | None
) -> Resolution[F]:
    second = max(version.created for version in versions)
    group = [version for version in versions if version.created == second]
    events = [version for version in group if version.kind is not Kind.SNAPSHOT]
    if not events:
        last = max(group, key=lambda v: v.event_id)
        return Resolution(last.after, last.event_id, second, certain=True, peers=1)
    if len(events) == 1:
        last = events[0]
        return Resolution(last.after, last.event_id, second, certain=True, peers=1)

    base: F | None = None
    if len(events) == len(group):  # a snapshot within the second may hold any part of it
        earlier = [version for version in versions if version.created < second]
        if earlier:
            resolution = _resolve_open(earlier, prefer)
            base = resolution.facts if resolution.certain else None
    peers = len(events)
    proven = _told_once(events, by_request=True)
    once = _told_once(events)
    end = _end_of_trail(proven, base)
    end_of_once = end if len(once) == len(proven) else _end_of_trail(once, base)
    if end is None:
        end = end_of_once
    # Told twice and undone, or done, undone and done again: only Stripe can tell these apart.
    certain = end is not None and end == end_of_once
    if end is None:
        end = _best_guess(once, prefer)
    deciding = max((v for v in events if v.after == end), key=lambda v: v.event_id)
    return Resolution(end, deciding.event_id, second, certain=certain, peers=peers)


def _told_once(events: Sequence[Version[F]], *, by_request: bool = False) -> list[Version[F]]:
    """Each change once; ``by_request`` only where a request's id proves that it is one change."""
    kept: dict[object, Version[F]] = {}
    for version in sorted(events, key=lambda v: v.event_id):
        told = (version.kind, version.before, version.after, version.request_id)
        proven = version.request_id is not None or not by_request
        kept.setdefault(told if proven else version.event_id, version)
    return list(kept.values())


def _end_of_trail(events: Sequence[Version[F]], base: F | None) -> F | None:
    """The state in which one trail through all edges ends, or None where there is no one trail."""
    balance: Counter[F] = Counter()
    neighbours: dict[F, set[F]] = {}
    births = [version for version in events if version.kind is Kind.CREATED]
    for version in events:
        start = version.before if version.before is not None else version.after
        if version.kind is Kind.CREATED:
            start = version.after
        balance[start] -= 1
        balance[version.after] += 1
        neighbours.setdefault(start, set()).add(version.after)
        neighbours.setdefault(version.after, set()).add(start)
    if len(neighbours) == 1:
        return next(iter(neighbours))
    if not _connected(neighbours) or any(abs(count) > 1 for count in balance.values()):
        return None
    ends = [state for state, count in balance.items() if count == 1]
    starts = [state for state, count in balance.items() if count == -1]
    if len(ends) > 1:
        return None
    known_start = births[0].after if births else base
    if ends:
        return ends[0] if known_start is None or known_start == starts[0] else None
    return known_start if known_start in neighbours else None


def _connected(neighbours: dict[F, set[F]]) -> bool:
    reached: set[F] = set()
    frontier = [next(iter(neighbours))]
    while frontier:
        state = frontier.pop()
        if state not in reached:
            reached.add(state)
            frontier.extend(neighbours[state] - reached)
    return len(reached) == len(neighbours)


def _best_guess(events: Sequence[Version[F]], prefer: Callable[[F], object] | None) -> F:
    """A state that was entered more often than left; the preferred one of several."""
    entered = Counter(version.after for version in events)
    entered.subtract(version.before for version in events if version.before is not None)
    candidates = [v for v in events if entered[v.after] > 0] or list(events)
    return max(
        candidates,
        key=lambda v: ((prefer(v.after) if prefer else 0), v.event_id),
    ).after
