"""The whole house for the console's tests: a stand-in Stripe, a listener and a few customers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stripe

from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings
from tests.support.listener import COMMAND_SECRET, Listener, reading, run_command
from tests.support.stripe_events import WEBHOOK_SECRET

API_KEY = "rk_test_51StackOfTheConsolesTests"
HOSTILE = "**bold** <script>alert(1)</script> [x](javascript:alert(1))"


@dataclass
class Stack:
    """What runs, and how to reach it."""

    database_url: str
    listener: Listener
    stripe_url: str
    control: SandboxControl

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a console that belongs to it."""
        return {
            "DATABASE_URL": self.database_url,
            "LISTENER_URL": self.listener.url,
            "STRIPE_API_BASE": self.stripe_url,
            "STRIPE_API_KEY": API_KEY,
            "COMMAND_SECRET": COMMAND_SECRET,
            "APP_URL": self.listener.url,
        }

    @property
    def v1(self) -> stripe.V1Services:
        """Stripe's own client."""
        return stripe.StripeClient(API_KEY, base_addresses={"api": self.stripe_url}).v1

    def subscribe(self, org_id: str, name: str, price_id: str) -> str:
        """A customer with a subscription; the subscription's id."""
        params: Any = {
            "name": name,
            "email": f"billing@{org_id}.example",
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
            "metadata": {"org_id": org_id},
        }
        customer = self.v1.customers.create(params)
        items: Any = {"customer": customer.id, "items": [{"price": price_id}]}
        return self.v1.subscriptions.create(items).id

    def settle(self) -> None:
        """Wait until every webhook has arrived and is applied."""
        self.control.wait_until_delivered()
        self.listener.settle()

    def audit(self) -> list[tuple[Any, ...]]:
        """The audit log: who, what, how it went, for whom, why, which code."""
        with reading(self.database_url) as rows:
            return rows(
                "SELECT actor, action, outcome, org_id, destination, reason, detail"
                " FROM audit_log ORDER BY audit_id"
            )


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """Everything but the console, with two plans and four organizations."""
    database_url = f"sqlite:///{folder / 'billing.sqlite3'}"
    listener = Listener(database_url, folder / "listener.log")
    settings = Settings(
        _env_file=None,
        state=folder / "sandbox.sqlite3",
        webhook_url=f"{listener.url}/webhooks/stripe",
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=0.2,
    )
    try:
        with running(settings) as sandbox:
            control = SandboxControl(sandbox.url)
            stack = Stack(database_url, listener, sandbox.url, control)
            _fill(stack, folder)
            yield stack
            control.close()
    finally:
        listener.stop()


def _fill(stack: Stack, folder: Path) -> None:
    prices = {}
    for key, amount in (("pro_monthly", 4900), ("team_monthly", 9900)):
        product = stack.v1.products.create({"name": key.split("_")[0].capitalize()}).id
        params: Any = {
            "product": product,
            "unit_amount": amount,
            "currency": "usd",
            "recurring": {"interval": "month"},
            "lookup_key": key,
        }
        prices[key] = stack.v1.prices.create(params).id
    stack.control.save_default_configuration()
    stack.subscribe("org_acme", "Acme Robotics", prices["pro_monthly"])
    stack.subscribe("org_blue", "Blue Harbor", prices["team_monthly"])
    stack.subscribe("org_hostile", HOSTILE, prices["pro_monthly"])
    newcomers = folder / "newcomers.csv"
    newcomers.write_text("org_id,name,email\norg_new,New Ltd,new@example.com\n", encoding="utf-8")
    imported = run_command(stack.database_url, "orgs", "import", str(newcomers))
    assert imported.returncode == 0, imported.stderr
    stack.settle()
