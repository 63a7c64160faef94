"""What the listener found when it last compared the file with Stripe."""

from sqlalchemy import Connection, select

from billing_core.configuration.comparison import STATE, Check, read_kept
from billing_core.queries.tables import LISTENER_STATE


def configuration_check(connection: Connection) -> Check | None:
    """The last check; None before the first."""
    statement = select(LISTENER_STATE.c.value).where(LISTENER_STATE.c.name == STATE)
    return read_kept(connection.execute(statement).scalar())
