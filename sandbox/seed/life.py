"""One customer of the sample company, living through the same calls as anybody's would."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import billing, cards, lifecycle, subscriptions
from sandbox.account import Account
from sandbox.pages import checkout
from sandbox.params import Params
from sandbox.rendering import TODAY
from sandbox.resources import checkout_sessions, customers
from sandbox.resources import subscriptions as api
from sandbox.resources.common import Call
from sandbox.resources.subscription_update import (
    FEEDBACK,
    apply_cancellation_details,
    update,
)
from sandbox.seed.catalogue import SEAT_KEYS, Catalogue
from sandbox.seed.people import COMMENTS
from sandbox.shapes import Json, copy_of

_CARD = "pm_card_visa"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a customer is, and how its org id reaches Stripe: `metadata`, `checkout` or `none`."""

    name: str
    email: str
    org_id: str
    known_by: str


@dataclass
class Life:
    """A customer and what it does; every method acts at the moment that `at` set."""

    account: Account
    catalogue: Catalogue
    dice: random.Random
    identity: Identity
    customer_id: str = ""
    subscription_id: str = ""

    def at(self, moment: int) -> Life:
        """Let everything due until `moment` happen, then stand there."""
        lifecycle.run_due(self.account, moment)
        self.account.clock.stop_at(moment)
        return self

    def ask(self, handler: Callable[[Account, Call], Json], params: Json, **ids: str) -> Json:
        """Call the API as the company's own product would."""
        return handler(self.account, Call(ids, Params(_as_sent(params)), TODAY, ""))

    def sign_up(self, *, card: str | None = _CARD) -> Life:
        """Become a customer, without a plan so far."""
        who = self.identity
        params: Json = {"name": who.name, "email": who.email}
        if who.known_by == "metadata":
            params["metadata"] = {"org_id": who.org_id}
        if card is not None:
            params["payment_method"] = card
            params["invoice_settings"] = {"default_payment_method": card}
        self.customer_id = self.ask(customers.create, params)["id"]
        return self

    def subscribe(
        self,
        key: str,
        *,
        quantity: int | None = None,
        flexible: bool = True,
        trial_days: int | None = None,
        price: str | None = None,
        extras: Mapping[str, int] | None = None,
        **more: object,
    ) -> Life:
        """Take out a plan: by checkout where that is how the org is known, else over the API."""
        price = price or self.catalogue.prices[key]
        quantity = quantity or (self.dice.randint(2, 40) if key in SEAT_KEYS else 1)
        if self.identity.known_by == "checkout" and not self.customer_id:
            return self._check_out(price, quantity, trial_days, flexible=flexible)
        if not self.customer_id:
            self.sign_up()
        items = [{"price": price, "quantity": quantity}]
        items += [
            {"price": self.catalogue.prices[name], "quantity": count}
            for name, count in (extras or {}).items()
        ]
        params: Json = {
            "customer": self.customer_id,
            "items": items,
            "billing_mode": {"type": "flexible" if flexible else "classic"},
            **more,
        }
        if trial_days is not None:
            params["trial_period_days"] = trial_days
        self.subscription_id = self.ask(api.create, params)["id"]
        return self

    def _check_out(
        self, price: str, quantity: int, trial_days: int | None, *, flexible: bool
    ) -> Life:
        params: Json = {
            "mode": "subscription",
            "line_items": [{"price": price, "quantity": quantity}],
            "client_reference_id": self.identity.org_id,
            "success_url": "https://app.northwind.example/settings/billing?welcome=1",
            "cancel_url": "https://app.northwind.example/pricing",
            "subscription_data": {
                "billing_mode": {"type": "flexible" if flexible else "classic"},
                **({} if trial_days is None else {"trial_period_days": trial_days}),
            },
        }
        session = self.ask(checkout_sessions.create, params)
        form = {"card": _CARD, "name": self.identity.name, "email": self.identity.email}
        checkout.complete(self.account, session, form)
        session = self.account.store.get(checkout_sessions.KIND, session["id"])
        self.customer_id, self.subscription_id = session["customer"], session["subscription"]
        return self

    def subscription(self) -> Json:
        """The latest subscription as it is now."""
        return self.account.store.get("subscription", self.subscription_id)

    def cancel(self, *, says_why: bool = True) -> Life:
        """Cancel at the end of the period as the portal does: once, then again with the reason."""
        account, before = self.account, self.subscription()
        after = billing.canceling(before, account.now)
        account.change(before, after, subscriptions.UPDATED)
        if says_why:
            account.clock.stop_at(account.now + self.dice.randint(0, 40))
            told = copy_of(after)
            comment = self.dice.choice(COMMENTS) if self.dice.random() < 0.6 else None
            apply_cancellation_details(told, self.dice.choice(FEEDBACK), comment)
            account.change(after, told, subscriptions.UPDATED)
        return self

    def keep(self) -> Life:
        """Take the cancellation back."""
        before = self.subscription()
        self.account.change(before, billing.not_canceling(before), subscriptions.UPDATED)
        return self

    def switch(self, key: str, quantity: int | None = None) -> Life:
        """Move to another plan or number of seats, as the portal does."""
        before = self.subscription()
        item = billing.items_of(before)[0]
        price = self.account.store.get("price", self.catalogue.prices[key])
        seats = quantity or (self.dice.randint(2, 40) if key in SEAT_KEYS else 1)
        after = billing.switched(before, item["id"], price, seats, self.account.now)
        subscriptions.change_items(self.account, before, after, "none")
        return self

    def switch_later(self, key: str) -> Life:
        """Move to another plan at the end of the period."""
        price = self.account.store.get("price", self.catalogue.prices[key])
        subscriptions.schedule_switch(self.account, self.subscription(), price, 1)
        return self

    def card_fails(self) -> Life:
        """From now on the bank declines the customer's card."""
        return self._set_card(declines=True)

    def new_card(self) -> Life:
        """A new card that works."""
        customer = customers.living(self.account, self.customer_id)
        card = cards.attach(self.account, customer, "pm_card_mastercard", "card")
        cards.make_default(self.account, customer, card)
        return self

    def _set_card(self, *, declines: bool) -> Life:
        customer = customers.living(self.account, self.customer_id)
        cards.set_declines(self.account, customer, declines=declines)
        return self

    def update(self, **params: object) -> Life:
        """Change the subscription over the API."""
        self.ask(update, dict(params), id=self.subscription_id)
        return self


def _as_sent(value: Any) -> Any:  # noqa: ANN401 - parameters nest without a fixed shape
    """Parameters as they arrive from a form: every value a text."""
    if isinstance(value, dict):
        return {name: _as_sent(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_sent(part) for part in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
