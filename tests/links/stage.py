"""A listener, a stand-in Stripe and some customers: what the tests of links play on."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import stripe
from sqlalchemy import create_engine, update

from billing_core.commands import sign_command
from billing_core.queries.tables import LINKS
from sandbox.control import SandboxControl
from sandbox.server import Running, running
from sandbox.settings import Settings
from tests.support.listener import COMMAND_SECRET, Listener, reading
from tests.support.ports import free_port
from tests.support.stripe_events import WEBHOOK_SECRET, unique

API_KEY = "rk_test_51StageOfTheLinksTests"
SUPPORT = frozenset({"support"})
PATH = "/commands/links"
CONFIG = """
[company]
name = "Northwind Cloud"
colour = "#3B5BDB"
support_email = "support@northwind.example"

[plans.starter]
name = "Starter"
lookup_keys = ["starter_monthly"]

[plans.pro]
name = "Pro"
lookup_keys = ["pro_monthly"]

[links]
made_per_hour = 100000
"""


@dataclass
class Stage:
    """What runs, and what a test does with it."""

    listener: Listener
    sandbox: Running
    control: SandboxControl
    environment: dict[str, str]
    prices: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where customers reach the public pages."""
        return self.listener.url

    @property
    def v1(self) -> stripe.V1Services:
        """Stripe's own client."""
        return stripe.StripeClient(API_KEY, base_addresses={"api": self.sandbox.url}).v1

    def another_listener(self, log_path: Path) -> Listener:
        """One more on the same database; whoever asks stops it."""
        return Listener(self.listener.database_url, log_path, port=0, **self.environment)

    def customer(self, name: str = "Acme Robotics", org_id: str | None = None) -> tuple[str, str]:
        """A new org with a customer whose card pays: the org's id and the customer's."""
        org_id = org_id or unique("org")
        params: Any = {
            "name": name,
            "email": "billing@acme.example",
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
            "metadata": {"org_id": org_id},
        }
        return org_id, self.v1.customers.create(params).id

    def subscribe(self, customer_id: str, *keys: str, mode: str = "flexible") -> str:
        """A new subscription to the prices with these lookup keys; its id."""
        params: Any = {
            "customer": customer_id,
            "items": [{"price": self.prices[key]} for key in keys or ("pro_monthly",)],
            "billing_mode": {"type": mode},
        }
        return self.v1.subscriptions.create(params).id

    def subscriber(self, name: str = "Acme Robotics", mode: str = "flexible") -> tuple[str, str]:
        """A new org with a subscription to Pro, known to the listener; both ids."""
        org_id, customer_id = self.customer(name)
        subscription_id = self.subscribe(customer_id, mode=mode)
        self.settle()
        return org_id, subscription_id

    def settle(self) -> None:
        """Wait until every webhook has arrived and is applied."""
        self.control.wait_until_delivered()
        self.listener.settle()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Within it no webhook arrives; what was to come arrives afterwards."""
        self.control.order_deliveries(hold=True)
        try:
            yield
        finally:
            self.control.order_deliveries(hold=False)

    def command(
        self,
        fields: dict[str, object],
        *,
        by: str = "ada",
        roles: frozenset[str] = SUPPORT,
        token: str | None = None,
    ) -> httpx.Response:
        """Ask the listener for something, as the console does."""
        body = orjson.dumps(fields)
        token = token or sign_command(
            COMMAND_SECRET, username=by, roles=roles, path=PATH, body=body
        )
        headers = {"authorization": f"Bearer {token}"}
        return self.listener.client.post(PATH, content=body, headers=headers)

    def create(self, org_id: str, destination: str, **fields: object) -> dict[str, Any]:
        """Make a link; the listener's answer."""
        fields = {"org_id": org_id, "destination": destination, **fields}
        answer = self.command({"kind": "create", "reason": "ticket #12", **fields})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def redeem(self, url: str, destination: str, **headers: str) -> httpx.Response:
        """Press the button that names ``destination``."""
        return httpx.post(url, data={"destination": destination}, headers=headers, timeout=30)

    def sessions(self, customer_id: str | None = None) -> int:
        """How many portal sessions Stripe has made."""
        made = self.sandbox.account.store.all("billing_portal.session")
        return sum(1 for each in made if customer_id in (None, each["customer"]))

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with reading(self.listener.database_url) as read:
            return read(statement, **parameters)

    def expire(self, link_id: str) -> None:
        """Let a link's time be over."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        statement = update(LINKS).where(LINKS.c.link_id == link_id).values(expires_at=past)
        engine = create_engine(self.listener.database_url)
        with engine.begin() as connection:
            connection.execute(statement)
        engine.dispose()

    def end_of(self, subscription_id: str) -> Any:  # noqa: ANN401 - Stripe's own number
        """When the subscription's period ends, in Unix seconds."""
        found = self.v1.subscriptions.retrieve(subscription_id)
        return found.items.data[0].current_period_end


@contextmanager
def set_up(database_url: str, folder: Path, *, config: str = CONFIG) -> Iterator[Stage]:
    """A listener and a sandbox that know each other, with two plans and an open portal."""
    port = free_port()
    (folder / "billing.toml").write_text(config)
    settings = Settings(
        _env_file=None,
        state=folder / "sandbox.sqlite3",
        webhook_url=f"http://127.0.0.1:{port}/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=0.05,
        tick_seconds=0.05,
    )
    with ExitStack() as stack:
        sandbox = stack.enter_context(running(settings))
        control = SandboxControl(sandbox.url)
        stack.callback(control.close)
        environment = {
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "APP_URL": "https://app.northwind.example",
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": sandbox.url,
            "BILLING_CONFIG": str(folder / "billing.toml"),
        }
        listener = Listener(database_url, folder / "listener.log", port=port, **environment)
        stack.callback(listener.stop)
        stage = Stage(listener, sandbox, control, environment)
        _sell(stage)
        yield stage


def _sell(stage: Stage) -> None:
    for key, amount in (("pro_monthly", 4900), ("starter_monthly", 1900), ("storage", 500)):
        product = stage.v1.products.create({"name": key.split("_")[0].title()})
        price: Any = {
            "product": product.id,
            "unit_amount": amount,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "lookup_key": key,
        }
        stage.prices[key] = stage.v1.prices.create(price).id
    stage.control.save_default_configuration()
    stage.settle()
