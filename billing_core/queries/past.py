"""An organization as it was at a moment in the past, by Stripe's clock.

What it was entitled to is read off the recorded changes, so it is what the row said once the events
of that moment had arrived. Subscriptions are read off the stored events themselves.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from billing_core.config import BillingConfig
from billing_core.entitlement import Entitlement, entitlement_of, status_gives_access
from billing_core.errors import UnreadableShapeError
from billing_core.facts import SubscriptionFacts
from billing_core.ordering import Version, resolve
from billing_core.queries.history import entitlement_history
from billing_core.queries.organization import organization
from billing_core.queries.subscription_views import (
    Described,
    prices_without_plan,
    subscription_views,
)
from billing_core.queries.tables import EVENTS, PAYLOADS, PRICES, config_or_default
from billing_core.rows import EntitlementRow, SubscriptionView
from billing_core.rows.past import Change, PastView
from billing_core.stripe_gateway.happenings import unpack
from billing_core.stripe_gateway.versions import (
    SUBSCRIPTION_KINDS,
    known_status,
    subscription_version,
)
from billing_core.tables import Outcome

# Events reach us within seconds; only a longer way is worth a word.
LATE = timedelta(minutes=1)
_EVENTS_READ = 200
_LATEST = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def organization_as_of(
    connection: Connection, org_id: str, at: datetime, *, config: BillingConfig | None = None
) -> PastView | None:
    """The organization as it was at ``at`` (aware), or None where there is no such org.

    As of the time of any change it is what that change made of it; as of now it is what
    ``organization`` answers.
    """
    config = config_or_default(config)
    present = organization(connection, org_id, config=config)
    if present is None:
        return None
    changes = entitlement_history(connection, org_id)
    index = bisect_right([change.at for change in changes], at)
    change = changes[index - 1] if index else None
    described, untold = _described(connection, present.subscriptions, at, config)
    entitlement = _entitlement(connection, org_id, change, index, described, config)
    subscriptions = subscription_views(connection, described, entitlement.subscription_id, config)
    late = change is not None and change.learnt_at - at > LATE
    return PastView(
        at=at,
        view=replace(
            present,
            entitlement=entitlement,
            subscriptions=subscriptions,
            unmapped_price_ids=prices_without_plan(subscriptions),
        ),
        change=change,
        believed=_believed(changes, at) if late else None,
        learnt_late=late,
        previous_at=_previous(changes, change),
        next_at=changes[index].at if index < len(changes) else None,
        untold=untold,
    )


def _previous(changes: Sequence[Change], change: Change | None) -> datetime | None:
    """The last moment at which something else changed before this."""
    earlier = [each.at for each in changes if change is not None and each.at < change.at]
    return earlier[-1] if earlier else None


def _believed(changes: Sequence[Change], at: datetime) -> Entitlement | None:
    known = [each.after for each in changes if each.learnt_at <= at]
    return known[-1] if known else None


def _entitlement(
    connection: Connection,
    org_id: str,
    change: Change | None,
    revision: int,
    described: Sequence[Described],
    config: BillingConfig,
) -> EntitlementRow:
    state = change.after if change is not None else entitlement_of((), config, {})
    deciding = [d for d in described if d.facts.subscription_id == state.subscription_id]
    if deciding:
        # An event that changed nothing here was Stripe's last word all the same.
        state = replace(state, last_event_id=deciding[0].event_id)
    v = EVENTS.c
    last = connection.execute(
        select(v.type, v.created).where(v.event_id == state.last_event_id)
    ).first()
    return EntitlementRow(
        org_id=org_id,
        **asdict(state),
        plan_name=config.plan_name(state.plan),
        interval_count=_interval_count(connection, state.price_id),
        last_event_type=last.type if last else None,
        last_event_at=last.created if last else None,
        updated_at=change.learnt_at if change is not None else None,
        revision=revision,
    )


def _interval_count(connection: Connection, price_id: str | None) -> int:
    p = PRICES.c
    statement = select(p.interval_count).where(p.price_id == price_id)
    return connection.execute(statement).scalar() or 1


def _described(
    connection: Connection,
    subscriptions: Sequence[SubscriptionView],
    at: datetime,
    config: BillingConfig,
) -> tuple[list[Described], tuple[str, ...]]:
    """Those that were there, as Stripe's events until then describe them, newest first."""
    found: list[Described] = []
    untold: list[str] = []
    for view in subscriptions:
        versions = _versions(connection, view.facts.subscription_id, at)
        if versions:
            found.append(_last(versions, config))
        elif (view.facts.created_at or _LATEST) <= at:
            untold.append(view.facts.subscription_id)
    found.sort(key=lambda each: each.facts.subscription_id)
    found.sort(key=lambda each: each.facts.created_at or _EARLIEST, reverse=True)
    return found, tuple(untold)


def _versions(
    connection: Connection, subscription_id: str, at: datetime
) -> list[Version[SubscriptionFacts]]:
    v, p = EVENTS.c, PAYLOADS.c
    rows = connection.execute(
        select(v.event_id, p.body)
        .join(PAYLOADS, p.event_id == v.event_id)
        .where(
            v.object_id == subscription_id,
            v.created <= at,
            v.type.in_(list(SUBSCRIPTION_KINDS)),
            v.outcome.in_([Outcome.APPLIED.value, Outcome.STALE.value]),
        )
        .order_by(v.created.desc())
        .limit(_EVENTS_READ)
    )
    versions = []
    for event_id, body in rows:
        event = unpack(event_id, body)
        try:
            versions += [subscription_version(event)] if event is not None else []
        except UnreadableShapeError:
            continue  # parked when it came
    return versions


def _last(versions: Sequence[Version[SubscriptionFacts]], config: BillingConfig) -> Described:
    resolution = resolve(
        versions, prefer=lambda facts: status_gives_access(facts.status, None, config.access)
    )
    return Described(
        facts=resolution.facts,
        known_status=known_status(resolution.facts, versions),
        event_id=resolution.event_id,
        event_at=datetime.fromtimestamp(resolution.created, UTC),
        suspect=not resolution.certain,
    )
