"""One organization: what it has now, all its subscriptions, and a mark that tells of news."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, func, or_, select

from billing_core.config import BillingConfig
from billing_core.entitlement import entitlement_of
from billing_core.queries.subscription_views import (
    described_by_row,
    prices_without_plan,
    subscription_views,
)
from billing_core.queries.tables import (
    CUSTOMERS,
    ENTITLEMENTS,
    EVENTS,
    ORGANIZATIONS,
    SUBSCRIPTIONS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import (
    ConflictingClaim,
    EntitlementMark,
    EntitlementRow,
    OrganizationFacts,
    OrganizationView,
    SubscriptionView,
)


def organization(
    connection: Connection, org_id: str, *, config: BillingConfig | None = None
) -> OrganizationView | None:
    """Everything that is known of an organization now, or None where there is no such org."""
    config = config_or_default(config)
    found = fetch(connection, select(ORGANIZATIONS).where(ORGANIZATIONS.c.org_id == org_id))
    if not found:
        return None
    customers = fetch(connection, select(CUSTOMERS).where(CUSTOMERS.c.org_id == org_id))
    entitlement = _entitlement(connection, org_id, config)
    subscriptions = _subscriptions(connection, customers, entitlement.subscription_id, config)
    return OrganizationView(
        organization=_organization_facts(found[0], customers),
        entitlement=entitlement,
        subscriptions=subscriptions,
        conflicting_claims=_conflicting_claims(connection, org_id, customers),
        unmapped_price_ids=prices_without_plan(subscriptions),
    )


def entitlement_mark(connection: Connection, org_id: str) -> EntitlementMark | None:
    """A few values that differ as soon as anything arrived for the org; None for an unknown org.

    Two indexed rows: cheap enough to be asked for every second.
    """
    e, v = ENTITLEMENTS.c, EVENTS.c
    columns = (e.revision, e.status, e.has_access, e.ends_at, e.updated_at)
    row = connection.execute(select(*columns).where(e.org_id == org_id)).first()
    if row is None:
        return None
    newest = connection.execute(
        select(v.event_id, v.type, v.created)
        .where(v.org_id == org_id)
        .order_by(v.created.desc(), v.event_id.desc())
        .limit(1)
    ).first()
    same_second = 0
    if newest is not None:
        counted = select(func.count()).where(v.org_id == org_id, v.created == newest.created)
        same_second = connection.execute(counted).scalar_one()
    return EntitlementMark(
        revision=row.revision,
        status=row.status,
        has_access=row.has_access,
        ends_at=row.ends_at,
        updated_at=row.updated_at,
        newest_event_id=newest.event_id if newest else None,
        newest_event_type=newest.type if newest else None,
        newest_event_at=newest.created if newest else None,
        newest_second_events=same_second,
    )


def _organization_facts(row: Row, customers: Sequence[Row]) -> OrganizationFacts:
    return OrganizationFacts(
        org_id=row["org_id"],
        name=row["name"],
        email=row["email"],
        customer_id=row["stripe_customer_id"],
        created_at=row["created_at"],
        customer_deleted=bool(customers) and all(customer["deleted"] for customer in customers),
    )


def _entitlement(connection: Connection, org_id: str, config: BillingConfig) -> EntitlementRow:
    e, v, s = ENTITLEMENTS, EVENTS, SUBSCRIPTIONS
    statement = (
        select(
            e,
            v.c.type.label("last_event_type"),
            v.c.created.label("last_event_at"),
            s.c.interval_count,
        )
        .join(v, v.c.event_id == e.c.last_event_id, isouter=True)
        .join(s, s.c.subscription_id == e.c.subscription_id, isouter=True)
        .where(e.c.org_id == org_id)
    )
    row = next(iter(fetch(connection, statement)), None)
    if row is None:
        return _nothing_yet(org_id, config)
    values = {name: row[name] for name in EntitlementRow.__dataclass_fields__ if name in row}
    values["plan_name"] = config.plan_name(row["plan"])
    values["interval_count"] = row["interval_count"] or 1
    return EntitlementRow(**values)


def _nothing_yet(org_id: str, config: BillingConfig) -> EntitlementRow:
    return EntitlementRow(
        org_id=org_id,
        **asdict(entitlement_of((), config, {})),
        plan_name=None,
        interval_count=1,
        last_event_type=None,
        last_event_at=None,
        updated_at=None,
        revision=0,
    )


def _subscriptions(
    connection: Connection, customers: Sequence[Row], deciding_id: str | None, config: BillingConfig
) -> tuple[SubscriptionView, ...]:
    ids = [customer["customer_id"] for customer in customers]
    s = SUBSCRIPTIONS.c
    rows = fetch(
        connection,
        select(SUBSCRIPTIONS)
        .where(s.customer_id.in_(ids))
        .order_by(s.created_at.desc(), s.subscription_id),
    )
    described = [described_by_row(row) for row in rows]
    return subscription_views(connection, described, deciding_id, config)


def conflicting_claims(connection: Connection, *, limit: int = 12) -> tuple[ConflictingClaim, ...]:
    """Stripe customers that claim an org which another holds, by that org."""
    c = CUSTOMERS.c
    rows = fetch(
        connection,
        select(c.customer_id, c.org_id, c.conflicting_org_id)
        .where(c.conflicting_org_id.is_not(None))
        .order_by(c.conflicting_org_id, c.customer_id)
        .limit(limit),
    )
    return tuple(_claim(row) for row in rows)


def _claim(row: Row) -> ConflictingClaim:
    return ConflictingClaim(
        customer_id=row["customer_id"],
        org_id=row["org_id"],
        claimed_org_id=row["conflicting_org_id"],
    )


def _conflicting_claims(
    connection: Connection, org_id: str, customers: Sequence[Row]
) -> tuple[ConflictingClaim, ...]:
    """Claims of others to this org, and this org's own to another."""
    c = CUSTOMERS.c
    others = fetch(
        connection,
        select(CUSTOMERS).where(
            or_(c.claimed_org_id == org_id, c.checkout_reference == org_id),
            c.conflicting_org_id.is_not(None),
        ),
    )
    by_id = {
        row["customer_id"]: row
        for row in (*others, *customers)
        if row["conflicting_org_id"] is not None
    }
    return tuple(_claim(row) for _, row in sorted(by_id.items()))
