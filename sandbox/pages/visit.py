"""One visit to the portal: whose it is, what it may do, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.resources.portal_sessions import IDLE_FOR, KIND
from sandbox.shapes import Json, overlaid


class VisitOverError(Exception):
    """The address is unknown or has expired."""


@dataclass(frozen=True, slots=True)
class Visit:
    """An open portal session with what its pages need."""

    account: Account
    session: Json
    customer: Json
    configuration: Json

    @property
    def flow(self) -> Json | None:
        """The one thing that this session is for, until it is done; None: the whole portal."""
        return None if self.session.get("_done") else self.session["flow"]

    def url(self, *parts: str) -> str:
        """The address of a page of this visit."""
        return self.account.page_url("p", "session", self.session["_token"], *parts)

    def subscription(self, subscription_id: str) -> Json:
        """The customer's subscription; raises `Refusal` if it is another's."""
        subscription = self.account.store.get("subscription", subscription_id)
        if subscription["customer"] != self.customer["id"]:
            raise Refusal("There is no such subscription.", status=404)
        return subscription

    def subscriptions(self) -> list[Json]:
        """The customer's subscriptions, oldest first."""
        return self.account.store.all("subscription", {"customer": self.customer["id"]})

    def feature(self, name: str) -> Json:
        """The settings of one of the portal's features."""
        settings: Json = self.configuration["features"][name]
        return settings

    def finish_flow(self) -> None:
        """Remember that the flow's one thing was done."""
        self.account.save(overlaid(self.session, {"_done": True}))


def enter(account: Account, token: str) -> Visit:
    """The visit that a token opens, kept open for another hour.

    Raises `VisitOverError` if it expired: five minutes after its creation when unused, an hour
    after the last activity otherwise.
    """
    session = account.store.by_token(token)
    if session is None or session["object"] != KIND or account.now >= session["_expires_at"]:
        raise VisitOverError
    customer = account.store.get("customer", session["customer"])
    if customer.get("deleted"):
        raise VisitOverError
    session = overlaid(session, {"_expires_at": account.now + IDLE_FOR})
    account.save(session)
    configuration = account.store.get("billing_portal.configuration", session["configuration"])
    return Visit(account, session, customer, configuration)
