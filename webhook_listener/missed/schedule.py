"""What the console has to know about the schedule, and how it asks for a walk out of turn."""

from datetime import datetime

from sqlalchemy import Connection

from webhook_listener import state

STATE = "schedule"
ASKED = "reconcile_asked"


def publish(connection: Connection, *, reconcile_seconds: int, now: datetime) -> None:
    """Keep how often missed events are looked for; 0: never, so that nothing is due."""
    state.keep(connection, STATE, {"reconcile_seconds": reconcile_seconds}, now=now)


def ask(connection: Connection, *, now: datetime) -> None:
    """Let the listener that asks Stripe walk once more, however long ago the last walk was."""
    state.keep(connection, ASKED, {"at": now.isoformat()}, now=now)


def asked_at(connection: Connection) -> datetime | None:
    """When somebody last asked for a walk."""
    at = state.read(connection, ASKED).get("at")
    return datetime.fromisoformat(at) if at is not None else None
