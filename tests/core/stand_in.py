"""The sandbox in a thread of the test, with the gateway that the product would use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import stripe

from billing_core import queries
from billing_core.rows import OrganizationView
from billing_core.stripe_gateway.client import StripeGateway
from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings
from tests.core.company import CONFIG, Company

API_KEY = "rk_test_a_key_that_must_not_be_seen"


@dataclass
class StandIn:
    """A running sandbox, and an organization's view of what is in it."""

    url: str
    control: SandboxControl
    gateway: StripeGateway
    company: Company
    prices: dict[str, str] = field(default_factory=dict)

    @property
    def v1(self) -> stripe.V1Services:
        """Stripe's own client."""
        return stripe.StripeClient(API_KEY, base_addresses={"api": self.url}).v1

    def price(self, lookup_key: str, amount: int = 4900, **more: Any) -> str:  # noqa: ANN401
        """The active price with that lookup key, made where there is none."""
        if lookup_key not in self.prices:
            product = self.v1.products.create({"name": lookup_key}).id
            params: Any = {
                "product": product,
                "unit_amount": amount,
                "currency": "eur",
                "recurring": {"interval": "month"},
                "lookup_key": lookup_key,
                **more,
            }
            made = self.v1.prices.create(params)
            self.prices[lookup_key] = made.id
        return self.prices[lookup_key]

    def subscribe(self, org_id: str = "org_acme", **more: Any) -> str:  # noqa: ANN401
        """A customer of ``org_id`` with a subscription; returns the subscription's id."""
        customer = self.v1.customers.create(
            {
                "name": "Acme",
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
                "metadata": {"org_id": org_id},
            }
        )
        params: Any = {
            "customer": customer.id,
            "items": [{"price": self.price("pro_monthly")}],
            **more,
        }
        return self.v1.subscriptions.create(params).id

    def view(self, subscription_id: str, org_id: str = "org_acme") -> OrganizationView:
        """The organization as our rows have it once the webhooks have come."""
        fetched = orjson.loads(self.gateway.fetch_subscription(subscription_id).body)
        customer = orjson.loads(self.gateway.fetch_customer(fetched["customer"]).body)
        self.company.later(seconds=5)
        self.company.event("customer.updated", customer)
        self.company.event("customer.subscription.updated", fetched)
        with self.company.reader.connect() as connection:
            view = queries.organization(connection, org_id, config=CONFIG)
        assert view is not None
        return view


@contextmanager
def stand_in(directory: Path, company: Company) -> Iterator[StandIn]:
    """A sandbox that keeps its state in ``directory`` and whose webhooks nobody takes."""
    settings = Settings(
        _env_file=None,
        state=directory / "sandbox.sqlite3",
        webhook_url="http://127.0.0.1:9/webhooks/stripe",
        webhook_secret="whsec_a_secret_of_the_tests_alone",
        retry_seconds=60,
    )
    with running(settings) as sandbox:
        control = SandboxControl(sandbox.url)
        yield StandIn(
            sandbox.url,
            control,
            StripeGateway(API_KEY, api_base=sandbox.url),
            company,
        )
        control.close()
