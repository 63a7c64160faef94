"""Stripe sessions for redeemed links, made in worker threads: ``stripe`` is imported on first use."""

import structlog

from billing_core.config import BillingConfig
from billing_core.destinations import CANCEL_SUBSCRIPTION, CHECKOUT
from billing_core.errors import BillingError, BillingErrorCode, SettingsError
from billing_core.links import FLOWS, Link
from billing_core.rows import OrganizationView
from billing_core.settings import Settings

_log = structlog.get_logger("webhook_listener.links")


class StripeSessions:
    """Opens one Stripe session for each redemption."""

    def __init__(self, settings: Settings, config: BillingConfig) -> None:
        self._public_url = settings.public_url
        self._config = config

    def open(self, link: Link, destination: str, view: OrganizationView, return_path: str) -> str:
        """The URL of a fresh session at ``destination``, a bearer credential: redirect to it only.

        It comes back to ``return_path`` on ``PUBLIC_URL``. Raises BillingError.
        """
        from billing_core.checkout import upgrade
        from billing_core.portal import open_portal

        try:
            if destination == CHECKOUT:
                return upgrade(
                    view,
                    lookup_key=link.target_lookup_key or "",
                    quantity=link.target_quantity or 1,
                    return_path=return_path,
                    base_url=self._public_url,
                    config=self._config,
                ).url
            flow = FLOWS.get(destination)
            own = destination == link.destination
            return open_portal(
                view,
                return_path=return_path,
                flow=flow,
                subscription_id=link.subscription_id if own else None,
                lookup_key=link.target_lookup_key if own else None,
                quantity=link.target_quantity if own else None,
                coupon=self._coupon(link, destination),
                base_url=self._public_url,
                config=self._config,
            ).url
        except SettingsError as error:
            _log.error("link.not_configured", sentence=str(error))
            raise BillingError(
                BillingErrorCode.STRIPE_UNAVAILABLE, "Stripe is not set up here."
            ) from None

    def _coupon(self, link: Link, destination: str) -> str | None:
        offered = link.offers_coupon and destination == CANCEL_SUBSCRIPTION
        return self._config.links.retention_coupon if offered else None
