"""``POST /commands/events``: replay, ignore and reconcile for the console, checked again here."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter
from sqlalchemy import Connection, func, select, update

from billing_core.commands import (
    Caller,
    EventsRecorded,
    IgnoreEvents,
    ReconcileNow,
    ReplayEvents,
    ReplayParked,
)
from billing_core.permissions import Permission, may
from billing_core.tables import Outcome
from webhook_listener import audit, rollups
from webhook_listener.audit import Entry
from webhook_listener.command_endpoint import (
    CommandEndpoint,
    RefusedCommandError,
    entry_of,
    spend_token,
)
from webhook_listener.event_work import EventWork, Replay
from webhook_listener.missed import schedule
from webhook_listener.replay import Row, count_of, parked_ids
from webhook_listener.tables import EVENTS
from webhook_listener.writer import Writer

EventCommand = ReplayEvents | ReplayParked | IgnoreEvents | ReconcileNow
_COMMANDS: TypeAdapter[EventCommand] = TypeAdapter(
    Annotated[EventCommand, Field(discriminator="kind")]
)
_NAMED = 20
_OUTCOMES = {
    "replay": "begun",
    "replay_parked": "begun",
    "ignore": "ignored",
    "reconcile": "asked",
}


class EventCommands:
    """Records the commands; what takes longer is handed to ``work`` once it is on disk.

    ``asks_stripe`` says whether this listener has a key to ask Stripe with.
    """

    def __init__(self, work: EventWork, *, asks_stripe: bool) -> None:
        self._work = work
        self._asks_stripe = asks_stripe

    def endpoint(self, command_key: str, writer: Writer) -> CommandEndpoint[EventCommand]:
        """The route's handler."""
        return CommandEndpoint(command_key, writer, _COMMANDS, self.record, then=self.follow)

    def record(
        self, connection: Connection, caller: Caller, command: EventCommand
    ) -> EventsRecorded | RefusedCommandError:
        """Record what the command asks for, in the caller's transaction; ignoring is done at once.

        A refusal for want of the right is returned, because it is recorded as well.
        """
        spend_token(connection, caller)
        entry = _entry(connection, caller, command)
        if not may(caller.roles, Permission.REPLAY_EVENTS):
            audit.append(connection, replace(entry, outcome="denied"))
            return RefusedCommandError(
                403,
                "Your role may not replay or ignore events. Nothing was changed; the attempt was"
                " recorded in the audit log.",
            )
        match command:
            case ReplayEvents():
                _known(connection, command.event_ids)
                events = len(command.event_ids)
            case ReplayParked():
                events = _parked_count(connection)
            case IgnoreEvents():
                _ignore(connection, command)
                events = len(command.event_ids)
            case ReconcileNow():
                self._ask_for_a_walk(connection, entry.at)
                events = 0
        return EventsRecorded(audit_id=audit.append(connection, entry), events=events)

    def follow(self, caller: Caller, command: EventCommand, answer: BaseModel) -> None:
        """Begin the replay that was just recorded."""
        if isinstance(answer, EventsRecorded) and isinstance(command, ReplayEvents | ReplayParked):
            chosen = command.event_ids if isinstance(command, ReplayEvents) else None
            entry = entry_of(caller, _action(command), "begun")
            self._work.do(Replay(answer.audit_id, entry, chosen))

    def _ask_for_a_walk(self, connection: Connection, now: datetime) -> None:
        if not self._asks_stripe:
            raise RefusedCommandError(
                409,
                "STRIPE_API_KEY is not set for the listener, so it cannot ask Stripe. Nothing was"
                " changed.",
            )
        schedule.ask(connection, now=now)


def _action(command: EventCommand) -> str:
    return f"events.{command.kind}"


def _entry(connection: Connection, caller: Caller, command: EventCommand) -> Entry:
    entry = entry_of(caller, _action(command), _OUTCOMES[command.kind])
    entry = replace(entry, reason=command.reason)
    if not isinstance(command, ReplayEvents | IgnoreEvents):
        return entry
    ids = command.event_ids
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    org_id = None
    if len(ids) == 1:
        found = select(EVENTS.c.org_id).where(EVENTS.c.event_id == ids[0])
        org_id = connection.execute(found).scalar()
    return replace(entry, org_id=org_id, detail=" ".join(ids[:_NAMED]) + more)


def _known(connection: Connection, event_ids: tuple[str, ...]) -> None:
    found = connection.execute(select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(event_ids)))
    missing = sorted(set(event_ids) - set(found.scalars()))
    if missing:
        raise RefusedCommandError(
            422, f"event_ids: {missing[0]} is not in the inbox. Nothing was changed."
        )


def _parked_count(connection: Connection) -> int:
    return connection.execute(
        select(func.count()).select_from(parked_ids().subquery())
    ).scalar_one()


def _ignore(connection: Connection, command: IgnoreEvents) -> None:
    """Give parked events their last outcome, with the reason where their error stood."""
    chosen = (
        select(EVENTS)
        .where(EVENTS.c.event_id.in_(command.event_ids), EVENTS.c.outcome == Outcome.PARKED.value)
        .order_by(EVENTS.c.event_id)
        .with_for_update()
    )
    rows: list[Row] = [dict(row) for row in connection.execute(chosen).mappings()]
    gone = sorted(set(command.event_ids) - {row["event_id"] for row in rows})
    if gone:
        raise RefusedCommandError(
            409,
            f"{gone[0]} is not parked any more, so it cannot be ignored. Nothing was changed; look"
            " at the list again.",
        )
    connection.execute(
        update(EVENTS)
        .where(EVENTS.c.event_id.in_([row["event_id"] for row in rows]))
        .values(outcome=Outcome.IGNORED.value, error=command.reason)
    )
    ignored = [{**row, "outcome": Outcome.IGNORED.value} for row in rows]
    rollups.add(
        connection,
        [count_of(row, sign=-1) for row in rows] + [count_of(row, sign=1) for row in ignored],
    )
