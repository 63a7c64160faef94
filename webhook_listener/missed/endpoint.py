"""The webhook endpoint as Stripe has it: whether it is enabled and sends what is needed.

A restricted key may not be allowed to read that; then only this is kept, and nothing is wrong.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection

from billing_core.errors import BillingError, UnreadableShapeError
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import WebhookEndpoint
from webhook_listener import state
from webhook_listener.database import reading_transaction
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.missed.reconcile import TYPES

STATE = "endpoint"
PATH = "/webhooks/stripe"
EVERY = timedelta(hours=3)


class EndpointLook:
    """Looks the endpoint up every few hours and keeps what was found; ``public_url`` is ours."""

    def __init__(self, inbound: Inbound, gateway: StripeGateway, public_url: str) -> None:
        self._inbound = inbound
        self._gateway = gateway
        self._wanted = f"{public_url}{PATH}"

    def look(self, *, again: bool = False) -> None:
        """Ask Stripe if that is due, or ``again`` now. Raises only database errors."""
        if not again and not self._is_due():
            return
        try:
            found: dict[str, object] = self._read()
        except BillingError as error:
            found = {"refused": error.code.value}
        except UnreadableShapeError:
            found = {"refused": "unreadable"}
        now = utc_now()
        kept = {"looked_at": now.isoformat(), "wanted": self._wanted, **found}

        def keep(connection: Connection) -> None:
            state.keep(connection, STATE, kept, now=now)

        self._inbound.write(keep)

    def _is_due(self) -> bool:
        with reading_transaction(self._inbound.engine) as connection:
            looked_at = state.read(connection, STATE).get("looked_at")
        return looked_at is None or utc_now() - datetime.fromisoformat(looked_at) >= EVERY

    def _read(self) -> dict[str, object]:
        endpoints = self._gateway.list_webhook_endpoints()
        ours = _ours(endpoints, self._wanted)
        return {"endpoints": [{**asdict(each), "missing": missing_types(each)} for each in ours]}


def missing_types(endpoint: WebhookEndpoint) -> list[str]:
    """The types that change rows here and that the endpoint does not send."""
    if "*" in endpoint.enabled_events:
        return []
    return [name for name in TYPES if name not in endpoint.enabled_events]


def _ours(endpoints: Sequence[WebhookEndpoint], wanted: str) -> list[WebhookEndpoint]:
    """Those at our own address, else those whose path is ours: a tunnel may stand before us."""
    exact = [each for each in endpoints if each.url == wanted]
    return exact or [each for each in endpoints if urlsplit(each.url).path == PATH]
