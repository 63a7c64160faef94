"""What the database says about a token just now. Nothing here writes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine

from billing_core.config import BillingConfig
from billing_core.link_results import News
from billing_core.links import Link, LinkState, Passage, passage, subscription_of, token_hash
from billing_core.queries.links import link_by_token_hash, link_come_back_from
from billing_core.queries.organization import organization
from billing_core.rows import OrganizationView
from webhook_listener.database import reading_transaction

# Visitors never take the connections that storing webhooks needs.
_CONNECTIONS = 2
_NOWHERE = Passage(None)


@dataclass(frozen=True, slots=True)
class Standing:
    """A link as it stands; ``view`` and ``passage`` only for one that still works."""

    link: Link
    state: LinkState
    view: OrganizationView | None = None
    passage: Passage = _NOWHERE

    @property
    def ends_at(self) -> datetime | None:
        """When what the link is about is already set to end."""
        chosen = subscription_of(self.link, self.view) if self.view is not None else None
        return chosen.ends_at if chosen is not None else None

    @property
    def plan(self) -> str | None:
        """The name of the plan that the link is about."""
        chosen = subscription_of(self.link, self.view) if self.view is not None else None
        return chosen.plan_name if chosen is not None else None


@dataclass(frozen=True, slots=True)
class Homecoming:
    """A link whose customer has come back, and what came of it so far."""

    link: Link
    news: News | None


class Looking:
    """Looks tokens up in worker threads, a few at a time."""

    def __init__(self, engine: Engine, config: BillingConfig) -> None:
        self._engine = engine
        self._config = config
        self._limiter = CapacityLimiter(_CONNECTIONS)

    async def link(self, token: str) -> Standing | None:
        """The link that ``token`` redeems, or None where there is none."""
        return await to_thread.run_sync(self._link, token, limiter=self._limiter)

    async def homecoming(self, token: str) -> Homecoming | None:
        """The link that the return page's ``token`` belongs to, or None where there is none."""
        return await to_thread.run_sync(self._homecoming, token, limiter=self._limiter)

    def _link(self, token: str) -> Standing | None:
        with reading_transaction(self._engine) as connection:
            link = link_by_token_hash(connection, token_hash(token))
            return self._standing(connection, link) if link is not None else None

    def _standing(self, connection: Connection, link: Link) -> Standing:
        state = link.state(datetime.now(UTC))
        if state is not LinkState.ACTIVE:
            return Standing(link, state)
        view = organization(connection, link.org_id, config=self._config)
        return Standing(link, state, view, passage(link, view, self._config))

    def _homecoming(self, token: str) -> Homecoming | None:
        with reading_transaction(self._engine) as connection:
            found = link_come_back_from(connection, token_hash(token))
            return Homecoming(*found) if found is not None else None
