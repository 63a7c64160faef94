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
    ORGANIZATIONS,
    WINDING_DOWN,
    capped_count,
)
from billing_core.rows import Count, Overview

COUNT_CAP = 100_000
LATELY = timedelta(days=7)


def overview_counts(connection: Connection, now: datetime) -> Overview:
    """How many organizations are in which state, and what waits. Counts stop at 100,000."""
    e = ENTITLEMENTS.c

    def of(*conditions: ColumnElement[bool]) -> Count:
        return capped_count(connection, select(e.org_id).where(*conditions), COUNT_CAP)

    def counted(*conditions: ColumnElement[bool]) -> Count:
        return capped_count(connection, select(literal(1)).where(*conditions), COUNT_CAP)

    return Overview(
        organizations=capped_count(connection, select(ORGANIZATIONS.c.org_id), COUNT_CAP),
        with_access=of(e.has_access),
        trialing=of(e.status == "trialing"),
        past_due=of(e.status == "past_due"),
        unpaid=of(e.status == "unpaid"),
        incomplete=of(e.status == "incomplete"),
        paused=of(e.status == "paused"),
        winding_down=of(WINDING_DOWN),
        leaving_soon=of(e.ends_at >= now, e.ends_at < now + LATELY),
        undone_lately=counted(CANCELLATIONS.c.undone_at >= now - LATELY),
        overdue=of(e.ends_at < now),
        unmapped=of(e.plan.is_(None), e.price_id.is_not(None)),
        conflicting_claims=counted(CUSTOMERS.c.conflicting_org_id.is_not(None)),
        parked=webhooks.parked(connection),
        backlog=webhooks.backlog(connection),
        drift_lately=counted(DRIFT.c.found_at >= now - LATELY),
        last_received_at=connection.execute(select(func.max(EVENTS.c.received_at))).scalar(),
    )
