"""What came of redeemed links, read off the events; the listener keeps it in their rows.

Each statement names its columns, because a migration fills the rows by this too.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing_core.facts import SubscriptionFacts
from billing_core.link_results import (
    CLOCK_SKEW,
    TELLING_EVENTS,
    Change,
    News,
    SeenEvent,
    Snapshot,
    news,
)
from billing_core.links import NEEDS_A_SUBSCRIPTION, Link
from billing_core.queries.tables import CHANGES, ENTITLEMENTS, EVENTS, SUBSCRIPTIONS, fetch
from billing_core.subscription_rows import FACT_COLUMNS, facts_of_row

_AT_ONCE = 400


def what_came_of(connection: Connection, links: Sequence[Link]) -> dict[str, News]:
    """By link id, what the customer changed within a day of redeeming; no entry where nothing."""
    redeemed = [link for link in links if link.last_redeemed_at is not None]
    found: dict[str, News] = {}
    for start in range(0, len(redeemed), _AT_ONCE):
        found |= _of_some(connection, redeemed[start : start + _AT_ONCE])
    return found


def _of_some(connection: Connection, links: Sequence[Link]) -> dict[str, News]:
    org_ids = sorted({link.org_id for link in links})
    since = min(link.last_redeemed_at for link in links if link.last_redeemed_at is not None)
    changes = _changes(connection, org_ids, since)
    revisions = _revisions(connection, org_ids)
    events = _events(connection, org_ids, since)
    beside = _subscriptions_beside(connection, links)
    found = {
        link.link_id: news(
            link,
            _since_redeemed(changes[link.org_id], revisions.get(link.org_id), link),
            events[link.org_id],
            beside.get(link.link_id),
        )
        for link in links
    }
    return {link_id: came for link_id, came in found.items() if came is not None}


def _changes(
    connection: Connection, org_ids: Sequence[str], since: datetime
) -> dict[str, list[Change]]:
    c = CHANGES.c
    statement = (
        select(c.org_id, c.changed_at, c.event_created, c.before, c.after)
        .where(c.org_id.in_(org_ids), c.changed_at >= since - CLOCK_SKEW)
        .order_by(c.change_id)
    )
    found: dict[str, list[Change]] = defaultdict(list)
    for row in fetch(connection, statement):
        before = _snapshot(row["before"]) if row["before"] is not None else None
        change = Change(row["changed_at"], row["event_created"], before, _snapshot(row["after"]))
        found[row["org_id"]].append(change)
    return found


def _revisions(connection: Connection, org_ids: Sequence[str]) -> dict[str, int]:
    e = ENTITLEMENTS.c
    statement = select(e.org_id, e.revision).where(e.org_id.in_(org_ids))
    return {row["org_id"]: row["revision"] for row in fetch(connection, statement)}


def _since_redeemed(
    changes: Sequence[Change], revision: int | None, link: Link
) -> Sequence[Change]:
    """The changes after the redemption, told by the entitlement's revision, which no clock bends.

    Where the organization has moved to another id meanwhile, revisions count anew, and time tells.
    """
    before = link.revision_at_redeem
    if revision is None or before is None or revision < before:
        redeemed_at = link.last_redeemed_at
        return [each for each in changes if redeemed_at is not None and each.at >= redeemed_at]
    return changes[len(changes) - min(revision - before, len(changes)) :]


def _snapshot(values: dict[str, Any]) -> Snapshot:
    ends_at = values.get("ends_at")
    return Snapshot(
        status=values["status"],
        has_access=values["has_access"],
        plan=values["plan"],
        price_id=values["price_id"],
        quantity=values["quantity"],
        ends_at=datetime.fromisoformat(ends_at) if ends_at is not None else None,
    )


def _events(
    connection: Connection, org_ids: Sequence[str], since: datetime
) -> dict[str, list[SeenEvent]]:
    c = EVENTS.c
    statement = (
        select(c.org_id, c.received_at, c.created, c.type, c.object_id)
        .where(
            c.org_id.in_(org_ids),
            c.created >= since - CLOCK_SKEW,
            c.received_at >= since,
            c.type.in_(TELLING_EVENTS),
        )
        .order_by(c.received_at)
    )
    found: dict[str, list[SeenEvent]] = defaultdict(list)
    for row in fetch(connection, statement):
        event = SeenEvent(row["received_at"], row["created"], row["type"], row["object_id"])
        found[row["org_id"]].append(event)
    return found


def _subscriptions_beside(
    connection: Connection, links: Sequence[Link]
) -> dict[str, SubscriptionFacts]:
    """By link id, the subscriptions that links are about and entitlements do not follow."""
    about = {
        link.link_id: (link.org_id, link.subscription_id)
        for link in links
        if link.destination in NEEDS_A_SUBSCRIPTION and link.subscription_id is not None
    }
    e, s = ENTITLEMENTS.c, SUBSCRIPTIONS.c
    org_ids = {org_id for org_id, _ in about.values()}
    deciding = select(e.org_id, e.subscription_id).where(e.org_id.in_(org_ids))
    followed = {(row["org_id"], row["subscription_id"]) for row in fetch(connection, deciding)}
    beside = {link_id: key for link_id, (org, key) in about.items() if (org, key) not in followed}
    columns = [s[name] for name in FACT_COLUMNS]
    statement = select(*columns).where(s.subscription_id.in_(set(beside.values())))
    facts = {row["subscription_id"]: facts_of_row(row) for row in fetch(connection, statement)}
    return {link_id: facts[key] for link_id, key in beside.items() if key in facts}
