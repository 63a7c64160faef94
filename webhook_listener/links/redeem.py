"""What redeeming a link writes: one use taken, or given back, each with its line in the audit log.

Each function runs in a transaction of the writer's and takes the audit lock first, so that two
listeners never wait for each other in a circle.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from billing_core.links import Link
from billing_core.queries.tables import LINKS
from webhook_listener import audit
from webhook_listener.audit import Entry
from webhook_listener.database import lock_audit
from webhook_listener.links import results, tally
from webhook_listener.tables import ENTITLEMENTS

CUSTOMER = "customer"
REDEEM = "support_link.redeem"


@dataclass(frozen=True, slots=True)
class Claim:
    """A use that was taken: for which link and destination, when, and where it is written."""

    link: Link
    destination: str
    at: datetime
    revision: int | None
    audit_id: int


def claim(
    connection: Connection, link: Link, destination: str, *, address: str | None = None
) -> Claim | None:
    """Take one use of ``link``, recorded before anything is minted; None where none is left.

    The condition and the change are one statement, so of many at once only as many succeed as the
    link has uses. ``address`` is written down only where ``billing.toml`` asks for it.
    """
    lock_audit(connection)
    now = datetime.now(UTC)
    c = LINKS.c
    taken = connection.execute(
        update(LINKS)
        .where(
            c.link_id == link.link_id,
            c.revoked_at.is_(None),
            c.expires_at > now,
            c.uses < c.uses_allowed,
        )
        .values(uses=c.uses + 1)
    )
    if taken.rowcount != 1:
        return None
    e = ENTITLEMENTS.c
    revision = connection.execute(select(e.revision).where(e.org_id == link.org_id)).scalar()
    entry = replace(_entry(link, destination, now, "begun"), detail=address)
    return Claim(link, destination, now, revision, audit.append(connection, entry))


def settle(connection: Connection, claimed: Claim, *, refusal: str | None = None) -> None:
    """Record that the customer was sent on, or why not; a refusal gives the use back."""
    lock_audit(connection)
    link, c = claimed.link, LINKS.c
    change = update(LINKS).where(c.link_id == link.link_id)
    if refusal is None:
        redeemed: dict[str, object] = {
            "last_redeemed_at": claimed.at,
            "revision_at_redeem": claimed.revision,
            "refusal_code": None,
        }
        with tally.recounted(connection, [link.link_id]):
            connection.execute(change.values({**redeemed, **results.NOTHING}))
            results.read_again(connection, link.link_id)
    else:
        connection.execute(change.values(uses=c.uses - 1, refusal_code=refusal))
    outcome = "minted" if refusal is None else "refused"
    entry = _entry(link, claimed.destination, datetime.now(UTC), outcome)
    audit.append(connection, replace(entry, follows=claimed.audit_id, detail=refusal))


def _entry(link: Link, destination: str, at: datetime, outcome: str) -> Entry:
    return Entry(
        at=at,
        actor=CUSTOMER,
        role=CUSTOMER,
        action=REDEEM,
        outcome=outcome,
        org_id=link.org_id,
        destination=destination,
        subscription_id=link.subscription_id,
        link_id=link.link_id,
    )
