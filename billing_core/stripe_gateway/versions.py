"""Events as versions of the objects that they are about: what ordering chooses the last of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from billing_core.facts import FINAL_STATUSES, KNOWN_STATUSES, SubscriptionFacts
from billing_core.ordering import HasFinal, Kind, Version
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.envelope import InboxEvent

F = TypeVar("F", bound=HasFinal)

SUBSCRIPTION_KINDS: Mapping[str, Kind] = {
    "customer.subscription.created": Kind.CREATED,
    "customer.subscription.updated": Kind.UPDATED,
    "customer.subscription.paused": Kind.UPDATED,
    "customer.subscription.resumed": Kind.UPDATED,
    "customer.subscription.trial_will_end": Kind.UPDATED,
    "customer.subscription.pending_update_applied": Kind.UPDATED,
    "customer.subscription.pending_update_expired": Kind.UPDATED,
    "customer.subscription.deleted": Kind.DELETED,
    "snapshot.subscription": Kind.SNAPSHOT,
}


def version_of(
    event: InboxEvent,
    kind: Kind,
    read: Callable[[Mapping[str, Any]], F],
    ended: Callable[[F, datetime], F],
) -> Version[F]:
    """The event's view of its object.

    ``read`` reads an object, ``ended`` gives the facts as a deletion at that time leaves them.
    Raises UnreadableShapeError.
    """
    after = read(event.object)
    if kind is Kind.DELETED:
        after = ended(after, event.created)
    previous = event.previous_attributes
    before = None
    if previous is not None and kind is Kind.UPDATED:
        before = read(shapes.before(event.object, previous))
    return Version(
        event_id=event.event_id,
        created=int(event.created.timestamp()),
        kind=kind,
        before=before,
        after=after,
        request_id=event.request_id,
    )


def subscription_version(event: InboxEvent) -> Version[SubscriptionFacts]:
    """The event's view of its subscription. Raises UnreadableShapeError."""
    kind = SUBSCRIPTION_KINDS[event.type]
    return version_of(event, kind, shapes.subscription_facts, ended_subscription)


def ended_subscription(facts: SubscriptionFacts, at: datetime) -> SubscriptionFacts:
    """A deletion ends the subscription whatever its object says."""
    status = facts.status if facts.status in FINAL_STATUSES else "canceled"
    return replace(facts, status=status, ended_at=facts.ended_at or at)


def known_status(
    facts: SubscriptionFacts, versions: Sequence[Version[SubscriptionFacts]]
) -> str | None:
    """The last status whose meaning is known, for when Stripe sends one that is not.

    Within a second the one that was left for a status that is not known comes last.
    """
    if facts.status in KNOWN_STATUSES:
        return facts.status
    seen = [
        (version.created, rank, version.event_id, candidate.status)
        for version in versions
        for rank, candidate in (
            (0 if version.after.status in KNOWN_STATUSES else 2, version.before),
            (1, version.after),
        )
        if candidate is not None and candidate.status in KNOWN_STATUSES
    ]
    return max(seen)[3] if seen else None
