"""Hosted checkout: a customer subscribes and pays, or leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import billing, cards, subscriptions
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.pages.rendering import dead_end, go_to, page
from sandbox.resources import customers
from sandbox.resources.checkout_sessions import KIND, trial_end
from sandbox.shapes import Json, copy_of, overlaid

_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
_LONGEST = 200


@dataclass
class Checkout:
    """The pages below `/c/pay/{session}`; `changed` is called after a purchase."""

    account: Account
    changed: Callable[[], None]

    def routes(self) -> list[Route]:
        """The page and the purchase."""
        return [
            Route("/c/pay/{session_id}", self._show, methods=["GET"]),
            Route("/c/pay/{session_id}", self._subscribe, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        session = self._open(request)
        return session if isinstance(session, Response) else self._page(session)

    async def _subscribe(self, request: Request) -> Response:
        session = self._open(request)
        if isinstance(session, Response):
            return session
        form = await request.form()
        values = {name: text for name, text in form.items() if isinstance(text, str)}
        try:
            with self.account.store.transaction():
                url = complete(self.account, session, values)
        except Refusal as refusal:
            return self._page(session, refusal.message, refusal.status)
        self.changed()
        return go_to(url)

    def _open(self, request: Request) -> Json | Response:
        session = self.account.store.find(request.path_params["session_id"])
        if session is None or session["object"] != KIND:
            return self._dead_end("There is no such page", 404)
        if session["status"] == "complete":
            return self._dead_end("You are all done here", 200)
        if session["status"] != "open" or self.account.now >= session["expires_at"]:
            return self._dead_end("This checkout has expired", 410)
        return session

    def _dead_end(self, title: str, status: int) -> Response:
        text = "Go back to the page that brought you here. You have not been charged by this visit."
        return dead_end(self.account.business_name, title, text, status)

    def _page(self, session: Json, problem: str | None = None, status: int = 200) -> Response:
        store = self.account.store
        lines = []
        for line in session["_lines"]:
            price = store.get("price", line["price"])
            name = store.get("product", price["product"])["name"]
            lines.append({"name": name, "price": price, "quantity": line["quantity"]})
        return page(
            "checkout.html",
            status,
            business=self.account.business_name,
            session=session,
            customer=store.find(session["customer"]) if session["customer"] else None,
            lines=lines,
            trial_end=trial_end(self.account, session),
            test_cards=cards.TEST_CARDS,
            problem=problem,
        )


def complete(account: Account, session: Json, values: dict[str, str]) -> str:
    """Subscribe the customer, who comes into being now if need be. Returns where to go on.

    A declined card raises `Refusal` and leaves no subscription, as since API version 2025-03-31.
    """
    chosen = values.get("card", "")
    if chosen not in cards.TEST_CARDS:
        raise Refusal("Please choose a card.")
    customer = _customer(account, session, values)
    card = cards.attach(account, customer, chosen, "card")
    customer = cards.make_default(account, customer, card)
    data = session["_subscription"]
    terms = billing.Terms(
        subscription_id=account.ids.new("sub"),
        customer=customer["id"],
        lines=[
            billing.Line(
                account.ids.new("si"), account.store.get("price", line["price"]), line["quantity"]
            )
            for line in session["_lines"]
        ],
        now=account.now,
        flexible=data["flexible"],
        trial_end=trial_end(account, session),
        without_card=data["without_card"],
        payment_method=card["id"],
        metadata=data["metadata"],
        description=data["description"],
    )
    subscription = subscriptions.begin(
        account, terms, payment_behavior="error_if_incomplete", coupons=tuple(session["_coupons"])
    )
    finish(account, session, customer, subscription)
    return str(session["success_url"]).replace(_PLACEHOLDER, session["id"])


def _customer(account: Account, session: Json, values: dict[str, str]) -> Json:
    if session["customer"]:
        return customers.living(account, session["customer"])
    email = session["customer_email"] or values.get("email", "").strip()[:_LONGEST]
    if "@" not in email:
        raise Refusal("Please give an email address.")
    name = values.get("name", "").strip()[:_LONGEST] or None
    customer = customers.new(account, email=email, name=name)
    return account.record(customer, "customer.created")


def finish(account: Account, session: Json, customer: Json, subscription: Json) -> Json:
    """Mark the session as complete, with its event."""
    after = overlaid(session, {"status": "complete", "url": None})
    on_trial = subscription["status"] == "trialing"
    after.update(
        customer=customer["id"],
        customer_details=copy_of(
            {"email": customer["email"], "name": customer["name"], "phone": customer["phone"]}
        ),
        invoice=subscription["latest_invoice"],
        payment_status="no_payment_required" if on_trial else "paid",
        subscription=subscription["id"],
    )
    return account.record(after, "checkout.session.completed")
