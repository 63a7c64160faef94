"""Support links and what came of them."""

from dataclasses import dataclass
from datetime import datetime

from billing_core.link_results import News
from billing_core.links import Link, LinkState


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A support link with its organization's name, whether it still works, and what came of it."""

    link: Link
    org_name: str | None
    state: LinkState
    news: News | None


@dataclass(frozen=True, slots=True)
class LinkPage:
    """Some links, newest first, and where the older ones begin."""

    rows: tuple[LinkRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LinkVisits:
    """How often a link's own page (mail scanners included) and its return page were looked at."""

    opened: int
    first_opened_at: datetime | None
    last_opened_at: datetime | None
    returned: int
    last_returned_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How often Stripe, or our own rows, spoke against a destination; ``code`` says why."""

    code: str
    times: int


@dataclass(frozen=True, slots=True)
class DestinationInsight:
    """What one destination was used for, and what came of it.

    ``opened_now`` counts Stripe sessions that staff made on the spot. The others count support
    links, each once: ``opened`` ones were looked at, by mail scanners too; ``redeemed`` ones led to
    Stripe, of which ``completed`` ones were followed by a change within a day, ``unchanged`` ones
    were not, and ``undecided`` ones are not a day old. Of the unchanged, ``returned_unchanged`` came
    back to our page. ``median_seconds`` is from the redemption until the change was known here,
    right to within a twentieth.
    """

    destination: str
    opened_now: int
    created: int
    redeemed: int
    completed: int
    unchanged: int
    undecided: int
    median_seconds: float | None
    refusals: tuple[RefusalCount, ...]
    opened: int = 0
    returned_unchanged: int = 0
