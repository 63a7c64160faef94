"""A fresh sandbox for each test, with the real client and a receiver of its webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import stripe

from sandbox.control import SandboxControl
from sandbox.server import running
from sandbox.settings import Settings
from tests.sandbox.browser import Browser
from tests.sandbox.receiver import SECRET, Receiver, receiving

RETURN_URL = "https://app.example/settings/billing"
Mode = Literal["classic", "flexible"]
BOTH_MODES = pytest.mark.parametrize("mode", ["classic", "flexible"])


def is_present(moment: float, began: float, *, days: int = 0) -> bool:
    """Whether whole seconds of a clock ``days`` ahead lie between ``began`` and now, on ours."""
    return int(began) <= moment - days * 86_400 <= time.time() + 1


def settings_for(directory: Path, webhook_url: str, **more: Any) -> Settings:  # noqa: ANN401
    """Settings for a sandbox that keeps its state in a directory."""
    return Settings(
        _env_file=None,
        state=directory / "sandbox.sqlite3",
        webhook_url=webhook_url,
        webhook_secret=SECRET,
        retry_seconds=0.05,
        tick_seconds=0.05,
        **more,
    )


@dataclass
class World:
    """A running sandbox and what a test does with it."""

    url: str
    control: SandboxControl
    receiver: Receiver
    prices: dict[str, str] = field(default_factory=dict)

    def client(self, version: str | None = None) -> stripe.StripeClient:
        """Stripe's own client, as our product uses it."""
        return stripe.StripeClient(
            "sk_test_anything", base_addresses={"api": self.url}, stripe_version=version
        )

    @property
    def v1(self) -> stripe.V1Services:
        return self.client().v1

    def price(
        self,
        key: str,
        amount: int = 4900,
        *,
        product: str | None = None,
        interval: Literal["day", "week", "month", "year"] = "month",
        currency: str = "usd",
    ) -> str:
        """The price with that lookup key, made with a product of its own if it is new."""
        if key not in self.prices:
            product = product or self.v1.products.create({"name": key.title()}).id
            price = self.v1.prices.create(
                {
                    "product": product,
                    "unit_amount": amount,
                    "currency": currency,
                    "recurring": {"interval": interval},
                    "lookup_key": key,
                }
            )
            self.prices[key] = price.id
        return self.prices[key]

    def customer(self, name: str = "Acme", card: str | None = "pm_card_visa") -> str:
        """A new customer, with a card that pays."""
        params: Any = {"name": name, "email": "billing@acme.example"}
        if card is not None:
            params["payment_method"] = card
            params["invoice_settings"] = {"default_payment_method": card}
        return self.v1.customers.create(params).id

    def subscription(
        self,
        mode: Mode = "flexible",
        *,
        customer: str | None = None,
        **more: Any,  # noqa: ANN401
    ) -> stripe.Subscription:
        """A new subscription to a monthly price."""
        params: Any = {
            "customer": customer or self.customer(),
            "items": [{"price": self.price("pro_monthly")}],
            "billing_mode": {"type": mode},
            **more,
        }
        return self.v1.subscriptions.create(params)

    def read(self, subscription: stripe.Subscription) -> stripe.Subscription:
        """The subscription as it is now."""
        return self.v1.subscriptions.retrieve(subscription.id)

    def portal(
        self,
        customer: str | stripe.Customer,
        flow: str | None = None,
        subscription: stripe.Subscription | None = None,
        **more: Any,  # noqa: ANN401
    ) -> str:
        """The address of a new portal session."""
        params: Any = {"customer": customer, "return_url": RETURN_URL}
        if flow is not None:
            details = {flow: {"subscription": subscription.id}} if subscription else {}
            params["flow_data"] = {"type": flow, **details, **more}
        return self.v1.billing_portal.sessions.create(params).url

    def visit(
        self,
        subscription: stripe.Subscription,
        flow: str | None = None,
        **more: Any,  # noqa: ANN401
    ) -> Browser:
        """A browser in which the subscription's customer has opened the portal."""
        about_one = flow is not None and flow.startswith("subscription")
        url = self.portal(subscription.customer, flow, subscription if about_one else None, **more)
        return Browser().open(url)

    def delivered(self) -> Receiver:
        """The receiver, once everything has arrived."""
        self.control.wait_until_delivered()
        return self.receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def world_in(directory: Path, receiver: Receiver, **more: Any) -> Iterator[World]:  # noqa: ANN401
    """A sandbox that keeps its state in a directory."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(running(settings_for(directory, receiver.url, **more)))
        control = SandboxControl(sandbox.url)
        stack.callback(control.close)
        yield World(sandbox.url, control, receiver)


@pytest.fixture(scope="session")
def closing() -> Iterator[Callable[[ExitStack], None]]:
    """Ends sandboxes while the next test already runs: a server takes its time to stop."""
    with ThreadPoolExecutor(4) as pool:
        ends: list[Future[None]] = []
        yield lambda stack: ends.append(pool.submit(stack.close))
        for end in ends:
            end.result(timeout=20)


@pytest.fixture
def world(
    tmp_path: Path, receiver: Receiver, closing: Callable[[ExitStack], None]
) -> Iterator[World]:
    """A sandbox without portal settings."""
    stack = ExitStack()
    try:
        yield stack.enter_context(world_in(tmp_path, receiver))
    finally:
        closing(stack)


@pytest.fixture
def open_world(world: World) -> World:
    """A sandbox whose portal offers everything, with two plans to switch between."""
    product = world.v1.products.create({"name": "Pro"}).id
    world.price("pro_monthly", 4900, product=product)
    world.price("pro_yearly", 49000, product=product, interval="year")
    world.price("starter_monthly", 1900)
    world.control.save_default_configuration()
    return world
