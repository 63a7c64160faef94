"""A running sandbox that stands in for Stripe, steered from outside and by Stripe's own client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import stripe
from sqlalchemy import Connection, Engine

from billing_core.stripe_gateway.client import StripeGateway
from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings as SandboxSettings
from tests.support.listener import Listener, reading
from tests.support.stripe_events import WEBHOOK_SECRET
from webhook_listener.database import durable_transaction
from webhook_listener.inbox import Audience
from webhook_listener.missed.inbound import Inbound

KEY = "sk_test_anything"


@dataclass
class StandIn:
    """A running sandbox with one price, steered from outside and by Stripe's own client."""

    url: str
    control: SandboxControl
    v1: stripe.V1Services
    price_id: str

    @property
    def environment(self) -> dict[str, str]:
        return {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": self.url}

    @property
    def gateway(self) -> StripeGateway:
        return StripeGateway(KEY, api_base=self.url)

    def deliver_to(self, listener: Listener) -> None:
        self.control.set_endpoint(url=f"{listener.url}/webhooks/stripe")

    def subscribe(self, org_id: str) -> str:
        """A customer with a subscription; the subscription's id."""
        customer = self.v1.customers.create(
            {
                "metadata": {"org_id": org_id},
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        )
        return self.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": self.price_id, "quantity": 1}]}
        ).id

    def set_seats(self, subscription_id: str, seats: int) -> None:
        item = self.v1.subscriptions.retrieve(subscription_id)["items"].data[0].id
        self.v1.subscriptions.update(subscription_id, {"items": [{"id": item, "quantity": seats}]})


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    settings = SandboxSettings(
        _env_file=None,
        state=tmp_path / "sandbox.sqlite3",
        webhook_url="http://127.0.0.1:9/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=3600,
    )
    with ExitStack() as stack:
        sandbox = stack.enter_context(running(settings))
        control = SandboxControl(sandbox.url)
        stack.callback(control.close)
        v1 = stripe.StripeClient(KEY, base_addresses={"api": sandbox.url}, max_network_retries=2).v1
        product = v1.products.create({"name": "Pro"}).id
        price_id = v1.prices.create(
            {
                "product": product,
                "unit_amount": 4900,
                "currency": "usd",
                "recurring": {"interval": "month"},
                "lookup_key": "pro_monthly",
            }
        ).id
        yield StandIn(sandbox.url, control, v1, price_id)


def entitlements(database_url: str) -> list[tuple[Any, ...]]:
    with reading(database_url) as rows:
        return rows("SELECT org_id, plan, status, quantity FROM plan_entitlements ORDER BY org_id")


def inbound_on(engine: Engine) -> Inbound:
    def write(work: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - whatever work gives
        with durable_transaction(engine) as connection:
            return work(connection)

    return Inbound(engine, write, Audience(livemode=False, account=None))
