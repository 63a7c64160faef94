"""Keep each cancellation and how many orgs are in which state, filled from what is stored.

Every subscription's events are read once more: some minutes for ten million.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from billing_core.cancellations import Step, cancellations_of, step_of
from billing_core.config import BillingConfig, load_config
from billing_core.errors import UnreadableShapeError
from billing_core.settings import settings
from billing_core.stripe_gateway.envelope import stored_event
from billing_core.tables import UTCDateTime
from webhook_listener.projection.cancellations import columns_of, concerned, standing_of
from webhook_listener.projection.families import SUBSCRIPTIONS
from webhook_listener.projection.states import states_of

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CHUNK = 500
_HISTORY = timedelta(days=45)
_TEXTS = ("price_id", "currency", "interval", "reason", "feedback")
_MOMENTS = ("begun_at", "undone_at", "ended_at", "ends_at")
_NUMBERS = ("seconds_to_undo", "quantity", "unit_amount")
_INDEXES = (
    ("subscription_id", ["subscription_id"], None),
    ("begun_at", ["begun_at"], None),
    ("undone_at", ["undone_at", "cancellation_id"], "undone_at IS NOT NULL"),
    ("ended_at", ["ended_at"], "ended_at IS NOT NULL"),
)


def upgrade() -> None:
    """The listener keeps both from now on; what is older is made up for here."""
    cancellations = op.create_table(
        "cancellations",
        sa.Column("cancellation_id", sa.String(), primary_key=True),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        *(sa.Column(name, UTCDateTime(), nullable=True) for name in _MOMENTS),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in _NUMBERS),
        *(sa.Column(name, sa.String(), nullable=True) for name in _TEXTS),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
    )
    for name, columns, where in _INDEXES:
        only = sa.text(where) if where else None
        op.create_index(
            f"ix_cancellations_{name}",
            "cancellations",
            columns,
            sqlite_where=only,
            postgresql_where=only,
        )
    rollups = op.create_table(
        "state_rollups",
        sa.Column("state", sa.String(), primary_key=True),
        sa.Column("day", UTCDateTime(), primary_key=True),
        sa.Column("more", sa.Integer(), nullable=False),
    )
    connection = op.get_bind()
    _fill_cancellations(connection, cancellations)
    _fill_states(connection, rollups)


def downgrade() -> None:
    """Both can be made again from the events."""
    op.drop_table("state_rollups")
    op.drop_table("cancellations")


def _fill_cancellations(connection: sa.Connection, table: sa.Table) -> None:
    config: BillingConfig | None = None
    for subscriptions in _chunks(connection, "subscriptions", "subscription_id", _SUBSCRIPTION):
        config = config or load_config(settings().billing_config)
        steps = _steps(connection, [row["subscription_id"] for row in subscriptions], config)
        rows = []
        for row in subscriptions:
            key = row["subscription_id"]
            if steps[key] or concerned(row):
                made = cancellations_of(steps[key], standing_of(row))
                rows += [columns_of(key, number, one) for number, one in enumerate(made, start=1)]
        if rows:
            names = [column.name for column in table.columns]
            connection.execute(
                table.insert(), [{name: row[name] for name in names} for row in rows]
            )


def _steps(
    connection: sa.Connection, keys: list[str], config: BillingConfig
) -> dict[str, list[Step]]:
    steps: dict[str, list[Step]] = {key: [] for key in keys}
    statement = (
        sa.select(_EVENTS.c.event_id, _EVENTS.c.object_id, _PAYLOADS.c.body)
        .join_from(_EVENTS, _PAYLOADS, _EVENTS.c.event_id == _PAYLOADS.c.event_id)
        .where(
            _EVENTS.c.object_id.in_(keys),
            _EVENTS.c.type.in_(SUBSCRIPTIONS.types),
            _EVENTS.c.outcome.in_(("applied", "stale")),
        )
    )
    for event_id, object_id, body in connection.execute(statement):
        try:
            step = step_of(SUBSCRIPTIONS.version(stored_event(event_id, body), config), config)
        except UnreadableShapeError:
            continue
        if step is not None:
            steps[object_id].append(step)
    return steps


def _fill_states(connection: sa.Connection, table: sa.Table) -> None:
    """The days of the last weeks, and before them whatever makes all together what is there now."""
    began = datetime.now(UTC) - _HISTORY
    moves: Counter[tuple[str, datetime]] = Counter()
    for changes in _chunks(
        connection, "entitlement_changes", "change_id", _CHANGE, ("changed_at", began)
    ):
        for row in changes:
            at = row["event_created"] or row["changed_at"]
            day = at.replace(hour=0, minute=0, second=0, microsecond=0)
            before, after = states_of(row["before"]), states_of(row["after"])
            moves.update((state, day) for state in after - before)
            moves.subtract((state, day) for state in before - after)
    missing: Counter[str] = Counter()
    for entitlements in _chunks(connection, "plan_entitlements", "org_id", _ENTITLEMENT):
        for row in entitlements:
            missing.update(states_of(row))
    for (state, _), more in moves.items():
        missing[state] -= more
    first = min([began, *(day for _, day in moves)]) - timedelta(days=1)
    first = first.replace(hour=0, minute=0, second=0, microsecond=0)
    moves.update({(state, first): more for state, more in missing.items()})
    rows = [{"state": state, "day": day, "more": more} for (state, day), more in moves.items()]
    if rows:
        connection.execute(table.insert(), rows)


def _chunks(
    connection: sa.Connection,
    name: str,
    key: str,
    columns: Mapping[str, Any],
    since: tuple[str, datetime] | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """A table's rows, some at a time, with the columns that it has at this version."""
    table = sa.table(name, *(sa.column(each, kind) for each, kind in columns.items()))
    statement = sa.select(table).order_by(table.c[key]).limit(_CHUNK)
    if since is not None:
        statement = statement.where(table.c[since[0]] >= since[1])
    last: Any = None
    while True:
        page = statement.where(table.c[key] > last) if last is not None else statement
        rows = [dict(row) for row in connection.execute(page).mappings()]
        if not rows:
            return
        yield rows
        last = rows[-1][key]


_AT = UTCDateTime()
_SUBSCRIPTION = {
    **dict.fromkeys(("subscription_id", "status", "price_id", "currency", "interval"), sa.String()),
    **dict.fromkeys(
        ("cancellation_reason", "cancellation_feedback", "cancellation_comment"), sa.String()
    ),
    **dict.fromkeys(("quantity", "unit_amount", "interval_count"), sa.BigInteger()),
    **dict.fromkeys(("cancel_at", "canceled_at", "ended_at", "current_period_end"), _AT),
    "event_created": _AT,
    "cancel_at_period_end": sa.Boolean(),
}
_CHANGE = {
    "change_id": sa.Integer(),
    "changed_at": _AT,
    "event_created": _AT,
    "before": sa.JSON(),
    "after": sa.JSON(),
}
_ENTITLEMENT = {
    **dict.fromkeys(("org_id", "status", "plan", "price_id"), sa.String()),
    "has_access": sa.Boolean(),
    "ends_at": _AT,
}
_EVENTS = sa.table(
    "webhook_events",
    *(sa.column(name, sa.String()) for name in ("event_id", "object_id", "type", "outcome")),
)
_PAYLOADS = sa.table(
    "webhook_payloads", sa.column("event_id", sa.String()), sa.column("body", sa.LargeBinary())
)
