"""The link that was just made, kept for as long as its page is looked at and no longer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing_core.rows import OrganizationView, TimelineEntry
from billing_core.stripe_gateway.sessions import CheckoutSession, PortalSession
from console import held

PORTAL_LIFETIME = timedelta(minutes=5)
CHECKOUT_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Minted:
    """A link, and what was known when it was made; its ``repr`` does not tell the URL."""

    org_id: str
    destination: str
    session: PortalSession | CheckoutSession
    at: datetime
    revision: int
    known_events: frozenset[str]
    was_winding_down: bool
    had_access: bool

    @property
    def opens_until(self) -> datetime:
        """Until when the link can be opened for the first time."""
        portal = isinstance(self.session, PortalSession)
        return self.at + (PORTAL_LIFETIME if portal else CHECKOUT_LIFETIME)

    def news(self, entries: Iterable[TimelineEntry]) -> list[TimelineEntry]:
        """What Stripe has reported since, newest first, that tells something."""
        return [
            entry
            for entry in entries
            if entry.event_id is not None
            and entry.event_id not in self.known_events
            and not entry.quiet
        ]


def place() -> list[Minted]:
    """Where a link is kept; to be taken before it is made."""
    return held.place("minted_link", Minted)


def made(
    session: PortalSession | CheckoutSession,
    destination: str,
    view: OrganizationView,
    entries: Iterable[TimelineEntry],
    at: datetime,
) -> Minted:
    """The link with what is known now, for this tab's present page to remember."""
    return Minted(
        org_id=view.org_id,
        destination=destination,
        session=session,
        at=at,
        revision=view.entitlement.revision,
        known_events=frozenset(entry.event_id for entry in entries if entry.event_id is not None),
        was_winding_down=view.entitlement.winding_down,
        had_access=view.entitlement.has_access,
    )


def kept(org_id: str) -> Minted | None:
    """The link that was made on this organization's page."""
    return next((each for each in place() if each.org_id == org_id), None)


def forget(*, unless_org_id: str | None = None) -> None:
    """Drop the link, because its page was left or its work is done."""
    held.let_go(place(), unless=lambda each: each.org_id == unless_org_id)
