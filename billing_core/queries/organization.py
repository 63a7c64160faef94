"""One organization: what it has now, all its subscriptions, and a mark that tells of news."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, func, or_, select

from billing_core.config import BillingConfig
from billing_core.entitlement import (
    effective_lookup_key,
    entitlement_of,
    main_item,
    status_gives_access,
    winding_down_until,
)
from billing_core.facts import ItemFacts, SubscriptionFacts
from billing_core.queries.tables import (
    CUSTOMERS,
    ENTITLEMENTS,
    EVENTS,
    ORGANIZATIONS,
    PRICES,
    PRODUCTS,
    SUBSCRIPTIONS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import (
    ConflictingClaim,
    EntitlementMark,
    EntitlementRow,
    ItemView,
    OrganizationFacts,
    OrganizationView,
    SubscriptionView,
)
from billing_core.subscription_rows import facts_of_row


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
        unmapped_price_ids=_unmapped(subscriptions),
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
    facts = {row["subscription_id"]: facts_of_row(row) for row in rows}
    items = [item for each in facts.values() for item in each.items]
    keys = _learned_keys(connection, items)
    names = _product_names(connection, items)
    return tuple(
        _subscription(row, facts[row["subscription_id"]], keys, names, deciding_id, config)
        for row in rows
    )


def _subscription(
    row: Row,
    facts: SubscriptionFacts,
    keys: Mapping[str, str],
    names: Mapping[str, str],
    deciding_id: str | None,
    config: BillingConfig,
) -> SubscriptionView:
    main, _ = main_item(facts, config, keys)
    has_access = status_gives_access(facts.status, row["known_status"], config.access)
    return SubscriptionView(
        facts=facts,
        items=tuple(_item(item, keys, names, item is main, config) for item in facts.items),
        gives_access=has_access,
        ends_at=winding_down_until(facts) if has_access else None,
        decides=facts.subscription_id == deciding_id,
        suspect=bool(row["suspect"]),
        last_event_id=row["event_id"],
        last_event_at=row["event_created"],
    )


def _item(
    item: ItemFacts,
    keys: Mapping[str, str],
    names: Mapping[str, str],
    decides: bool,
    config: BillingConfig,
) -> ItemView:
    key = effective_lookup_key(item, keys)
    plan = config.plan_for(key, item.price_id)
    return ItemView(
        facts=item,
        lookup_key=key,
        plan=plan,
        plan_name=config.plan_name(plan),
        product_name=names.get(item.product_id or ""),
        decides=decides,
    )


def _learned_keys(connection: Connection, items: Iterable[ItemFacts]) -> dict[str, str]:
    ids = {item.price_id for item in items if item.price_id is not None}
    p = PRICES.c
    statement = select(p.price_id, p.lookup_key).where(
        p.price_id.in_(ids), p.lookup_key.is_not(None)
    )
    return {row.price_id: row.lookup_key for row in connection.execute(statement)}


def _product_names(connection: Connection, items: Iterable[ItemFacts]) -> dict[str, str]:
    ids = {item.product_id for item in items if item.product_id is not None}
    p = PRODUCTS.c
    statement = select(p.product_id, p.name).where(p.product_id.in_(ids), p.name.is_not(None))
    return {row.product_id: row.name for row in connection.execute(statement)}


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
    return tuple(
        ConflictingClaim(
            customer_id=customer_id,
            org_id=row["org_id"],
            claimed_org_id=row["conflicting_org_id"],
        )
        for customer_id, row in sorted(by_id.items())
    )


def _unmapped(subscriptions: Iterable[SubscriptionView]) -> tuple[str, ...]:
    """Prices that should give a plan and do not; an add-on beside a plan is none of them."""
    return tuple(
        item.facts.price_id
        for view in subscriptions
        if not view.facts.final
        for item in view.items
        if item.decides and item.plan is None and item.facts.price_id is not None
    )
