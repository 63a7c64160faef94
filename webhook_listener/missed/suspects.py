"""Subscriptions whose last second the inbox cannot settle: Stripe is asked, once if it helps."""

import time

import structlog
from sqlalchemy import select

from billing_core.errors import BillingError
from billing_core.stripe_gateway.client import StripeGateway
from webhook_listener.database import reading_transaction
from webhook_listener.missed.inbound import Inbound, put, snapshot_delivery, utc_now
from webhook_listener.receive import RejectedError
from webhook_listener.tables import SUBSCRIPTIONS

# Most of what is missing arrives within this time, and a question is spared; it also puts the
# answer into a later second than the events, without which it would settle nothing.
GRACE_SECONDS = 1.5
_FIRST_WAIT = 30.0
_LONGEST_WAIT = 3600.0
_LOOKED_AT = 1_000
_log = structlog.get_logger("webhook_listener.suspects")


class Suspects:
    """Asks about each suspect subscription, and ever more rarely where the answer does not help."""

    def __init__(self, inbound: Inbound, gateway: StripeGateway) -> None:
        self._inbound = inbound
        self._gateway = gateway
        self._ask_at: dict[str, float] = {}
        self._wait: dict[str, float] = {}

    def ask(self) -> int:
        """Ask about those that are due; how many answers came. Raises only database errors."""
        now = time.monotonic()
        suspects = self._suspects()
        self._forget_settled(suspects)
        answered = 0
        for subscription_id in suspects:
            due = self._ask_at.setdefault(subscription_id, now + GRACE_SECONDS)
            if now >= due:
                wait = self._wait.get(subscription_id, _FIRST_WAIT)
                self._ask_at[subscription_id] = now + wait
                self._wait[subscription_id] = min(2 * wait, _LONGEST_WAIT)
                answered += self._ask_one(subscription_id)
        return answered

    def _suspects(self) -> list[str]:
        suspect = select(SUBSCRIPTIONS.c.subscription_id).where(SUBSCRIPTIONS.c.suspect)
        with reading_transaction(self._inbound.engine) as connection:
            return list(connection.execute(suspect.limit(_LOOKED_AT)).scalars())

    def _forget_settled(self, suspects: list[str]) -> None:
        for settled in self._ask_at.keys() - set(suspects):
            del self._ask_at[settled]
            self._wait.pop(settled, None)

    def _ask_one(self, subscription_id: str) -> bool:
        try:
            found = self._gateway.fetch_subscription(subscription_id)
            delivery = snapshot_delivery(
                "snapshot.subscription", found, self._inbound.audience, now=utc_now()
            )
        except BillingError as error:
            _log.warning(
                "suspect.not_answered", subscription_id=subscription_id, code=error.code.value
            )
            return False
        except RejectedError:
            return False
        self._inbound.write(lambda connection: put(connection, [delivery]))
        _log.info("suspect.asked", subscription_id=subscription_id)
        return True
