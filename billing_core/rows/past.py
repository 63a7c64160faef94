"""What an organization had at other times than now.

``at`` is Stripe's time of the event behind a change, or else when it was noticed here; it never
lies before the change that came before it. ``learnt_at`` is when the change was written here.
"""

from dataclasses import dataclass
from datetime import datetime

from billing_core.entitlement import Entitlement
from billing_core.rows.organizations import OrganizationView


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an entitlement: what it made of it."""

    at: datetime
    learnt_at: datetime
    after: Entitlement


@dataclass(frozen=True, slots=True)
class PastView:
    """An organization as it was at ``at``, by Stripe's clock.

    ``change`` made it so, None where nothing was known of it yet. ``believed`` is what the row said
    here at that moment, where that was something else because an event reached us late; with
    ``learnt_late`` and no ``believed`` there was no row yet. ``untold`` names the subscriptions of
    which no stored event tells how they were. The organization's name and address are today's.
    """

    at: datetime
    view: OrganizationView
    change: Change | None
    believed: Entitlement | None
    learnt_late: bool
    previous_at: datetime | None
    next_at: datetime | None
    untold: tuple[str, ...]
