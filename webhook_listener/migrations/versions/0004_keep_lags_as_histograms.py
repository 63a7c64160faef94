"""Keep lags as histograms and versions by the hour; the sums of lags told no percentile."""

import math
from collections import Counter
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SUMS = ("receive_lag_ms", "apply_lag_ms")
# The longest that a page looks back; what is older is not counted in arrears.
_COUNTED_IN_ARREARS = timedelta(days=31)
_STRIPE_TRIES = timedelta(days=3, hours=1)


def upgrade() -> None:
    """What has arrived in the last month is counted, so that the pages have a past to show."""
    op.create_table(
        "event_lags",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "leg", "bucket"),
    )
    op.create_table(
        "event_versions",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("api_version", sa.String(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "api_version"),
    )
    for name in _SUMS:
        op.drop_column("event_rollups", name)
    _count_in_arrears()


def downgrade() -> None:
    """The sums come back as zero: nothing read them."""
    for name in _SUMS:
        column = sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("event_rollups", column)
    op.drop_table("event_versions")
    op.drop_table("event_lags")


def _count_in_arrears() -> None:
    connection = op.get_bind()
    time = sa.DateTime(timezone=True)
    names = ("type", "api_version", "outcome")
    times = ("created", "received_at", "applied_at")
    events = sa.table(
        "webhook_events",
        *(sa.column(name, sa.String()) for name in names),
        *(sa.column(name, time) for name in times),
    ).c
    newest = connection.execute(sa.select(sa.func.max(events.received_at))).scalar()
    if newest is None:
        return
    chosen = sa.select(*events).where(
        events.received_at >= newest - _COUNTED_IN_ARREARS, events.outcome != "pending"
    )
    lags: Counter[tuple[Any, str, int]] = Counter()
    versions: Counter[tuple[Any, str]] = Counter()
    for row in connection.execute(chosen.execution_options(yield_per=10_000)):
        hour = row.received_at.replace(minute=0, second=0, microsecond=0)
        sent = row.received_at - row.created <= _STRIPE_TRIES
        if sent and not row.type.startswith("snapshot."):
            lags[hour, "receive", _bucket(row.created, row.received_at)] += 1
        if row.applied_at is not None and row.applied_at != row.received_at:
            lags[hour, "apply", _bucket(row.received_at, row.applied_at)] += 1
        if row.api_version is not None:
            versions[hour, row.api_version] += 1
    _insert("event_lags", ("hour", "leg", "bucket", "events"), lags)
    _insert("event_versions", ("hour", "api_version", "events"), versions)


def _insert(name: str, columns: tuple[str, ...], counted: Counter[Any]) -> None:
    table = sa.table(
        name,
        *(
            sa.column(each, sa.DateTime(timezone=True) if each == "hour" else None)
            for each in columns
        ),
    )
    rows = [dict(zip(columns, (*key, events), strict=True)) for key, events in counted.items()]
    if rows:
        op.get_bind().execute(table.insert(), rows)


def _bucket(start: Any, end: Any) -> int:  # noqa: ANN401 - a time as the driver gives it
    milliseconds = max(0, int((end - start).total_seconds() * 1000))
    return 0 if milliseconds <= 1 else min(64, math.ceil(2 * math.log2(milliseconds)))
