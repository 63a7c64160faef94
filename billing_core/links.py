"""Support links: what one is, how long it works, where it leads now, and how it is sent.

The token is the link's only secret. Whoever holds it may have a Stripe session made, so nothing
but its SHA-256 is kept, and what a return page is opened with is derived from it one way.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing_core.config import BillingConfig
from billing_core.dates import long_date
from billing_core.destinations import (
    BILLING_HOME,
    CANCEL_SUBSCRIPTION,
    CHANGE_TO_A_GIVEN_PLAN,
    CHECKOUT,
    NAMES,
    ON_A_SUBSCRIPTION,
    PAUSE_SUBSCRIPTION,
    SWITCH_PLAN,
    UPDATE_DETAILS,
    UPDATE_PAYMENT_METHOD,
    Flow,
    chosen_subscription,
)
from billing_core.errors import BillingErrorCode
from billing_core.obstacles import features_of, obstacle
from billing_core.rows import OrganizationView, SubscriptionView

DESTINATIONS: tuple[str, ...] = (*NAMES.values(), BILLING_HOME, CHECKOUT)
FLOWS: dict[str, Flow] = {name: flow for flow, name in NAMES.items()}
NEEDS_A_PRICE = frozenset({CHANGE_TO_A_GIVEN_PLAN, CHECKOUT})
NEEDS_A_SUBSCRIPTION = frozenset(NAMES[flow] for flow in ON_A_SUBSCRIPTION)
MOST_USES = 20
MOST_QUANTITY = 1_000_000
_TOKEN_BYTES = 32
_BEARER = re.compile(
    r"\S*/(?:links|return|p/session|p/login|c/pay|i)/[\w-]{16,}\S*"
    r"|\S*(?:billing|checkout|invoice|pay|buy)\.stripe\.com/\S+",
    re.IGNORECASE,
)


class LinkState(StrEnum):
    """Whether a link still works, and if not, why."""

    ACTIVE = "active"
    USED_UP = "used up"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Link:
    """A support link as it is kept: everything but its token. Times are UTC.

    ``offers_coupon`` lets whoever is about to cancel be offered the company's coupon, if it has one.
    """

    link_id: str
    org_id: str
    customer_id: str | None
    destination: str
    subscription_id: str | None
    target_lookup_key: str | None
    reason: str
    created_by: str
    created_by_role: str
    sender_name: str | None
    created_at: datetime
    expires_at: datetime
    uses_allowed: int
    uses: int
    last_redeemed_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    refusal_code: str | None
    revision_at_redeem: int | None
    target_quantity: int | None = None
    offers_coupon: bool = True

    def state(self, now: datetime) -> LinkState:
        """Whether the link works at ``now``; of several reasons why not, the one that stays."""
        if self.revoked_at is not None:
            return LinkState.REVOKED
        if self.uses >= self.uses_allowed:
            return LinkState.USED_UP
        return LinkState.EXPIRED if self.expires_at <= now else LinkState.ACTIVE


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a link leads now.

    ``problem`` says why it is not where it was made for; ``destination`` is then the one that
    helps instead, or None where only a person can help.
    """

    destination: str | None
    problem: BillingErrorCode | None = None


def new_token() -> str:
    """A token nobody can guess: 256 random bits, as text that may stand in a URL."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """What is kept of a token. Looking a token up by it takes the same time for every guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def without_bearers(text: str) -> str:
    """``text`` without addresses that open a link or one of Stripe's sessions to whoever has them.

    People paste them into reasons.
    """
    return _BEARER.sub("[link removed]", text)


def return_token(token: str) -> str:
    """The token of the page that the customer comes back to; it cannot be redeemed."""
    digest = hmac.new(token.encode(), b"billing support link: return", hashlib.sha256)
    return digest.hexdigest()


def passage(link: Link, view: OrganizationView | None, config: BillingConfig) -> Passage:
    """Where ``link`` leads, given what its organization has now; None is an unknown one."""
    if view is None or link.customer_id not in (None, view.organization.customer_id):
        return Passage(None, BillingErrorCode.NO_CUSTOMER)
    problem = _problem(link, view, config)
    if problem is None:
        return Passage(link.destination)
    if view.organization.customer_id is None or link.destination == BILLING_HOME:
        return Passage(None, problem)
    return Passage(BILLING_HOME, problem)


def subscription_of(link: Link, view: OrganizationView) -> SubscriptionView | None:
    """The live subscription that the link is about, if it is about one."""
    if link.destination not in NEEDS_A_SUBSCRIPTION:
        return None
    return chosen_subscription(view, link.subscription_id)


def _problem(link: Link, view: OrganizationView, config: BillingConfig) -> BillingErrorCode | None:
    if link.destination in NEEDS_A_PRICE and (
        link.target_lookup_key not in config.plan_by_lookup_key
    ):
        return BillingErrorCode.UNKNOWN_PRICE
    if link.destination == CHECKOUT:
        return BillingErrorCode.ALREADY_SUBSCRIBED if view.live_subscriptions else None
    if view.organization.customer_id is None:
        return BillingErrorCode.NO_CUSTOMER
    flow = FLOWS.get(link.destination)
    if flow is None:
        return None
    chosen = subscription_of(link, view)
    ended = flow in ON_A_SUBSCRIPTION and chosen is None
    if ended and any(each.facts.final for each in view.subscriptions):
        return BillingErrorCode.SUBSCRIPTION_ENDED
    found = obstacle(flow, chosen, features=features_of(config))
    if found is not None:
        return found.code
    if flow is Flow.SUBSCRIPTION_UPDATE_CONFIRM and chosen is not None:
        return _no_change(chosen, link)
    return None


def _no_change(chosen: SubscriptionView, link: Link) -> BillingErrorCode | None:
    same = any(
        item.decides
        and item.lookup_key == link.target_lookup_key
        and link.target_quantity in (None, item.facts.quantity)
        for item in chosen.items
    )
    return BillingErrorCode.NO_CHANGES if same else None


_ASKED: dict[str, str] = {
    CANCEL_SUBSCRIPTION: (
        "Here is the page on which you can cancel your subscription. You will be asked to confirm"
        " there; until you do, nothing changes."
    ),
    SWITCH_PLAN: "Here is the page on which you can choose another plan and see what it costs.",
    CHANGE_TO_A_GIVEN_PLAN: (
        "Here is the page on which you can confirm your change of plan. It shows what it costs"
        " before you agree."
    ),
    PAUSE_SUBSCRIPTION: "Here is the page on which you can pause your subscription.",
    UPDATE_PAYMENT_METHOD: "Here is the page on which you can store another way to pay.",
    UPDATE_DETAILS: "Here is the page on which you can correct your billing details.",
    BILLING_HOME: (
        "Here is your billing home: your plan, your payment method and all of your invoices."
    ),
    CHECKOUT: "Here is the page on which you can start your subscription.",
}


def message(
    destination: str, *, url: str, expires_at: datetime, uses: int, company: str, sender: str
) -> str:
    """A message to the customer, ready to be pasted, that names the destination and its limits."""
    times = "once" if uses == 1 else f"up to {uses} times"
    return (
        f"Hello,\n\n{_ASKED[destination]}\n\n{destination}:\n{url}\n\n"
        f"The link is meant for you alone. It works {times}, until {long_date(expires_at)}"
        f" ({expires_at:%H:%M} UTC). If it no longer does, just reply and you will get a new one."
        f"\n\nBest regards,\n{sender}\n{company}\n"
    )
