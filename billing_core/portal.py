"""Stripe's customer portal for one organization: check first, then mint one session.

Whoever calls this has already checked who asks and for whom, and has it recorded: the session's
URL is a bearer credential.
"""

import secrets
from datetime import UTC, datetime
from typing import Protocol

from billing_core.config import BillingConfig, load_config
from billing_core.configuration import applied
from billing_core.destinations import ON_A_SUBSCRIPTION, Flow, chosen_subscription
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.obstacles import obstacle
from billing_core.rows import OrganizationView, SubscriptionView
from billing_core.settings import settings
from billing_core.stripe_gateway.client import StripeGateway, stripe_gateway
from billing_core.stripe_gateway.portal_flow import PortalFlow
from billing_core.stripe_gateway.sessions import PortalSession
from billing_core.urls import absolute_url

RETURN_PATH = "/settings/billing"


class BillableOrganization(Protocol):
    """An organization as billing knows it: a row of ``organizations``, or the whole view."""

    @property
    def org_id(self) -> str:
        """Our id of the organization."""
        ...

    @property
    def name(self) -> str | None:
        """The organization's name."""
        ...

    @property
    def email(self) -> str | None:
        """The address that its invoices go to."""
        ...

    @property
    def stripe_customer_id(self) -> str | None:
        """Its customer in Stripe, if it has one."""
        ...


def open_portal(
    org: BillableOrganization,
    *,
    return_path: str = RETURN_PATH,
    flow: Flow | str | None = None,
    subscription_id: str | None = None,
    lookup_key: str | None = None,
    quantity: int | None = None,
    coupon: str | None = None,
    configuration_id: str | None = None,
    base_url: str | None = None,
    locale: str | None = None,
    config: BillingConfig | None = None,
    gateway: StripeGateway | None = None,
) -> PortalSession:
    """One visit to the portal for ``org``, opened on ``flow`` or on its home page.

    ``return_path`` is made absolute on ``APP_URL`` (or ``base_url``); the customer comes back there
    whenever they leave, and when the flow is done. Given an OrganizationView, what Stripe would
    refuse is refused before it is asked, and ``subscription_id`` defaults to the one that decides.
    ``lookup_key`` and ``quantity`` are for confirming one given change, ``coupon`` is an offer to
    stay. ``configuration_id`` is by default what ``billing-config`` has applied for that screen.

    Raises BillingError: ``no_customer``, ``no_subscription``, ``already_canceling``,
    ``scheduled_update``, ``several_items``, ``flow_disabled`` and what else its codes name.
    """
    if not org.stripe_customer_id:
        raise BillingError(
            BillingErrorCode.NO_CUSTOMER,
            "There is no Stripe customer yet, so there is nothing to manage: subscribe through"
            " Checkout first.",
        )
    url = absolute_url(return_path, base=base_url)
    chosen = Flow(flow) if flow is not None else None
    stripe = gateway or stripe_gateway()
    portal_flow = None
    if chosen is not None:
        subscription = _checked(org, chosen, subscription_id)
        portal_flow = PortalFlow(
            type=chosen,
            subscription_id=_subscription_id(chosen, subscription, subscription_id),
            coupon=coupon,
            done_url=url,
        )
        if chosen is Flow.SUBSCRIPTION_UPDATE_CONFIRM:
            portal_flow = _confirming(portal_flow, subscription, lookup_key, quantity, stripe)
    return stripe.create_portal_session(
        customer_id=org.stripe_customer_id,
        return_url=url,
        flow=portal_flow,
        configuration_id=configuration_id or _applied(stripe, config, chosen, lookup_key),
        locale=locale,
        # A fresh key for each click: a repeated one would give the old, perhaps spent, session.
        idempotency_key=f"portal-{secrets.token_urlsafe(24)}",
    )


def _applied(
    stripe: StripeGateway, config: BillingConfig | None, flow: Flow | None, lookup_key: str | None
) -> str | None:
    config = config or load_config(settings().billing_config)
    return applied.configuration_id(stripe, config, flow, lookup_key=lookup_key)


def _checked(
    org: BillableOrganization, flow: Flow, subscription_id: str | None
) -> SubscriptionView | None:
    """The subscription that the flow is about, once nothing in our rows speaks against it."""
    if not isinstance(org, OrganizationView):
        return None
    subscription = chosen_subscription(org, subscription_id)
    found = obstacle(flow, subscription, now=datetime.now(UTC))
    if found is not None:
        raise BillingError(found.code, found.sentence)
    return subscription


def _subscription_id(
    flow: Flow, subscription: SubscriptionView | None, given: str | None
) -> str | None:
    if flow not in ON_A_SUBSCRIPTION:
        return None
    if subscription is not None:
        return subscription.facts.subscription_id
    if given is None:
        raise BillingError(
            BillingErrorCode.NO_SUBSCRIPTION,
            "There is no subscription to act on: say which one it is about.",
        )
    return given


def _confirming(
    flow: PortalFlow,
    subscription: SubscriptionView | None,
    lookup_key: str | None,
    quantity: int | None,
    stripe: StripeGateway,
) -> PortalFlow:
    if subscription is None or flow.subscription_id is None:
        raise BillingError(
            BillingErrorCode.NO_SUBSCRIPTION,
            "The subscription's items are not known yet, so no change of it can be confirmed.",
        )
    item = subscription.facts.items[0]
    price_id = item.price_id
    if lookup_key is not None:
        price = stripe.find_price(lookup_key)
        if price is None:
            raise unknown_price(lookup_key)
        if item.currency is not None and price.currency not in (None, item.currency):
            raise BillingError(
                BillingErrorCode.UNKNOWN_PRICE,
                "That price is in another currency than the customer pays in. Choose one in theirs.",
            )
        price_id = price.price_id
    if price_id == item.price_id and quantity in (None, item.quantity):
        raise BillingError(
            BillingErrorCode.NO_CHANGES,
            "The customer already has that plan and quantity, so there is nothing to confirm.",
        )
    return PortalFlow(
        type=flow.type,
        subscription_id=flow.subscription_id,
        item_id=item.item_id,
        price_id=price_id,
        quantity=quantity if quantity is not None else item.quantity,
        done_url=flow.done_url,
    )


def unknown_price(lookup_key: str) -> BillingError:
    """The error for a lookup key that no active price in Stripe has."""
    return BillingError(
        BillingErrorCode.UNKNOWN_PRICE,
        f"Stripe has no active price with the lookup key {lookup_key}. Choose another, or give a"
        " price that key in Stripe.",
    )
