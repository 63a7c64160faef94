"""What needs attention now, counted."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from billing_core.queries import webhooks
from billing_core.queries.tables import (
    CUSTOMERS,
    ENTITLEMENTS,
    EVENTS,
    ORGANIZATIONS,
    WINDING_DOWN,
    capped_count,
)
from billing_core.rows import Count, Overview

COUNT_CAP = 100_000


def overview_counts(connection: Connection, now: datetime) -> Overview:
    """How many organizations are in which state, and what waits. Counts stop at 100,000."""
    e = ENTITLEMENTS.c

    def of(*conditions: ColumnElement[bool]) -> Count:
        return capped_count(connection, select(e.org_id).where(*conditions), COUNT_CAP)

    return Overview(
        organizations=capped_count(connection, select(ORGANIZATIONS.c.org_id), COUNT_CAP),
        with_access=of(e.has_access),
        trialing=of(e.status == "trialing"),
        past_due=of(e.status == "past_due"),
        unpaid=of(e.status == "unpaid"),
        incomplete=of(e.status == "incomplete"),
        paused=of(e.status == "paused"),
        winding_down=of(WINDING_DOWN),
        overdue=of(e.ends_at < now),
        unmapped=of(e.plan.is_(None), e.price_id.is_not(None)),
        conflicting_claims=capped_count(
            connection,
            select(CUSTOMERS.c.customer_id).where(CUSTOMERS.c.conflicting_org_id.is_not(None)),
            COUNT_CAP,
        ),
        parked=webhooks.parked(connection),
        backlog=webhooks.backlog(connection),
        last_received_at=connection.execute(select(func.max(EVENTS.c.received_at))).scalar(),
    )
