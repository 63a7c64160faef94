"""Objects whose last second the inbox cannot settle: Stripe is asked, once if it helps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from sqlalchemy import select, text

from billing_core.errors import BillingError
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import FetchedObject
from webhook_listener.database import reading_transaction
from webhook_listener.missed.inbound import Inbound, put, snapshot_delivery, utc_now
from webhook_listener.projection.families import CUSTOMERS, PRICES, PRODUCTS, SUBSCRIPTIONS, Family
from webhook_listener.receive import RejectedError

# Most of what is missing arrives within this time, and a question is spared; it also puts the
# answer into a later second than the events, without which it would settle nothing.
GRACE_SECONDS = 1.5
_FIRST_WAIT = 30.0
_LONGEST_WAIT = 3600.0
_LOOKED_AT = 1_000
_log = structlog.get_logger("webhook_listener.suspects")


@dataclass(frozen=True, slots=True)
class _Question:
    """How Stripe is asked about one kind of object, and as what its answer is kept."""

    family: Family[Any]
    type: str
    fetch: Callable[[StripeGateway, str], FetchedObject]
    doubts: tuple[str, ...] = ("suspect",)


_QUESTIONS = (
    _Question(SUBSCRIPTIONS, "snapshot.subscription", StripeGateway.fetch_subscription),
    _Question(CUSTOMERS, "snapshot.customer", StripeGateway.fetch_customer),
    _Question(
        PRICES,
        "snapshot.price",
        StripeGateway.fetch_price,
        doubts=("suspect", "lookup_key_disputed"),
    ),
    _Question(PRODUCTS, "snapshot.product", StripeGateway.fetch_product),
)


class Suspects:
    """Asks about each suspect object, and ever more rarely where the answer does not help."""

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
        for object_id, question in suspects.items():
            due = self._ask_at.setdefault(object_id, now + GRACE_SECONDS)
            if now >= due:
                wait = self._wait.get(object_id, _FIRST_WAIT)
                self._ask_at[object_id] = now + wait
                self._wait[object_id] = min(2 * wait, _LONGEST_WAIT)
                answered += self._ask_one(object_id, question)
        return answered

    def _suspects(self) -> dict[str, _Question]:
        found: dict[str, _Question] = {}
        with reading_transaction(self._inbound.engine) as connection:
            for question in _QUESTIONS:
                key = question.family.table.c[question.family.key]
                for doubt in question.doubts:  # said as the partial indexes say it
                    suspect = select(key).where(text(doubt)).limit(_LOOKED_AT)
                    found |= dict.fromkeys(connection.execute(suspect).scalars(), question)
        return found

    def _forget_settled(self, suspects: dict[str, _Question]) -> None:
        for settled in self._ask_at.keys() - suspects.keys():
            del self._ask_at[settled]
            self._wait.pop(settled, None)

    def _ask_one(self, object_id: str, question: _Question) -> bool:
        try:
            found = question.fetch(self._gateway, object_id)
            if orjson.loads(found.body).get("deleted"):
                return False  # its event tells more than what Stripe still says of it
            delivery = snapshot_delivery(
                question.type, found, self._inbound.audience, now=utc_now()
            )
        except BillingError as error:
            _log.warning("suspect.not_answered", object_id=object_id, code=error.code.value)
            return False
        except RejectedError:
            return False
        self._inbound.write(lambda connection: put(connection, [delivery]))
        _log.info("suspect.asked", object_id=object_id)
        return True
