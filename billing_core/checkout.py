"""Stripe's Checkout for an organization without a live subscription, its first or its next."""

import hashlib
import secrets

from billing_core.config import BillingConfig, load_config
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.portal import RETURN_PATH, BillableOrganization, unknown_price
from billing_core.rows import OrganizationView
from billing_core.settings import settings
from billing_core.stripe_gateway.client import StripeGateway, stripe_gateway
from billing_core.stripe_gateway.sessions import CheckoutSession
from billing_core.urls import absolute_url


def upgrade(
    org: BillableOrganization,
    *,
    lookup_key: str,
    quantity: int = 1,
    return_path: str = RETURN_PATH,
    cancel_path: str | None = None,
    base_url: str | None = None,
    locale: str | None = None,
    config: BillingConfig | None = None,
    gateway: StripeGateway | None = None,
) -> CheckoutSession:
    """One visit to Checkout that starts a subscription for ``org``.

    ``lookup_key`` is one of ``billing.toml``'s. A missing customer is created, once however often
    this is called. ``return_path`` and ``cancel_path`` (by default the same) are made absolute on
    ``APP_URL`` (or ``base_url``). Coming back proves nothing: the webhook does.

    Raises BillingError: ``already_subscribed``, ``unknown_price`` and what else its codes name.
    """
    config = config or load_config(settings().billing_config)
    if isinstance(org, OrganizationView) and org.live_subscriptions:
        raise BillingError(
            BillingErrorCode.ALREADY_SUBSCRIBED,
            "There is a subscription already. Change it with Switch plan; a second one would charge"
            " twice.",
        )
    if lookup_key not in config.plan_by_lookup_key:
        raise BillingError(
            BillingErrorCode.UNKNOWN_PRICE,
            f"billing.toml names no plan for the lookup key {lookup_key}, so it is not sold.",
        )
    success_url = absolute_url(return_path, base=base_url)
    cancel_url = absolute_url(cancel_path or return_path, base=base_url)
    stripe = gateway or stripe_gateway()
    price = stripe.find_price(lookup_key)
    if price is None:
        raise unknown_price(lookup_key)
    return stripe.create_checkout_session(
        customer_id=org.stripe_customer_id or _create_customer(org, config, stripe),
        price_id=price.price_id,
        quantity=quantity,
        org_id=org.org_id,
        org_id_metadata_key=config.org_id_metadata_key,
        success_url=success_url,
        cancel_url=cancel_url,
        locale=locale,
        idempotency_key=f"checkout-{secrets.token_urlsafe(24)}",
    )


def _create_customer(
    org: BillableOrganization, config: BillingConfig, stripe: StripeGateway
) -> str:
    """The org's customer: two clicks before the webhook arrives make one, not two.

    Stripe refuses a repeated idempotency key with other parameters, so the key names them all.
    """
    told = "\x00".join((config.org_id_metadata_key, org.org_id, org.name or "", org.email or ""))
    return stripe.create_customer(
        org_id=org.org_id,
        org_id_metadata_key=config.org_id_metadata_key,
        name=org.name,
        email=org.email,
        idempotency_key=f"customer-{hashlib.sha256(told.encode()).hexdigest()}",
    )
