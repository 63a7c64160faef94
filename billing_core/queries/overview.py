"""What needs attention now, counted."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, literal, select

from billing_core.queries import webhooks
from billing_core.queries.tables import (
    CANCELLATIONS,
    CUSTOMERS,
    DRIFT,
    ENTITLEMENTS,
    EVENTS,
    capped_count,
)
from billing_core.queries.trends import states_now
from billing_core.rows import Count, Overview

COUNT_CAP = 100_000
LATELY = timedelta(days=7)


def overview_counts(connection: Connection, now: datetime) -> Overview:
    """How many organizations are in which state, and what waits.

    States are added up from what the listener keeps by the day. Other counts stop at 100,000.
    """
    e = ENTITLEMENTS.c
    there = states_now(connection)

    def counted(*conditions: ColumnElement[bool]) -> Count:
        return capped_count(connection, select(literal(1)).where(*conditions), COUNT_CAP)

    return Overview(
        organizations=Count(there["known"]),
        with_access=Count(there["access"]),
        trialing=Count(there["trialing"]),
        past_due=Count(there["past_due"]),
        unpaid=Count(there["unpaid"]),
        incomplete=Count(there["incomplete"]),
        paused=Count(there["paused"]),
        winding_down=Count(there["winding_down"]),
        leaving_soon=counted(e.ends_at >= now, e.ends_at < now + LATELY),
        undone_lately=counted(CANCELLATIONS.c.undone_at >= now - LATELY),
        overdue=counted(e.ends_at < now),
        unmapped=Count(there["unmapped"]),
        conflicting_claims=counted(CUSTOMERS.c.conflicting_org_id.is_not(None)),
        parked=webhooks.parked(connection),
        backlog=webhooks.backlog(connection),
        drift_lately=counted(DRIFT.c.found_at >= now - LATELY),
        last_received_at=connection.execute(select(func.max(EVENTS.c.received_at))).scalar(),
    )
