"""Making a link for a customer: the role is checked, the wish recorded, then the link is made."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from billing_core.checkout import upgrade
from billing_core.commands import BeginAudit, CompleteAudit, DeniedAudit
from billing_core.destinations import CHECKOUT, Destination, Flow
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.permissions import Permission
from billing_core.portal import open_portal
from billing_core.rows import OrganizationView
from billing_core.stripe_gateway.sessions import CheckoutSession, PortalSession
from console import commands, data
from console.identity import Principal

SHORTEST_REASON = 3
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to send a customer to.

    ``lookup_key`` and ``quantity`` are for Checkout and "Confirm plan change"; ``offers_coupon`` is
    for "Cancel subscription", where ``billing.toml`` names a coupon.
    """

    destination: Destination
    reason: str
    lookup_key: str | None = None
    quantity: int | None = None
    offers_coupon: bool = True

    @property
    def action(self) -> Literal["portal_link.mint", "checkout_link.mint"]:
        """The audit log's name for it."""
        return "checkout_link.mint" if self.destination.name == CHECKOUT else "portal_link.mint"


def mint(
    principal: Principal, view: OrganizationView, wish: Wish
) -> PortalSession | CheckoutSession:
    """One session of Stripe's for this organization's customer, recorded before and after.

    Raises BillingError with a sentence: ``permission_denied``, ``not_recorded``, or whatever our
    rows or Stripe speak against it. Where one is raised there is no link.
    """
    if not principal.may(Permission.MINT_LINKS):
        raise denied(principal, wish.action, view.org_id, wish.destination.name)
    audit_id = commands.record(principal, _begin(view, wish))
    try:
        session = _session(view, wish)
    except Exception as error:
        code = error.code.value if isinstance(error, BillingError) else "unexpected_error"
        refused = CompleteAudit(audit_id=audit_id, outcome="refused", detail=code)
        with suppress(BillingError):  # the wish is recorded; why it failed matters more now
            commands.record(principal, refused)
        raise
    # A link whose making cannot be recorded is not handed out.
    commands.record(principal, CompleteAudit(audit_id=audit_id, outcome="minted"))
    return session


def _begin(view: OrganizationView, wish: Wish) -> BeginAudit:
    return BeginAudit(
        action=wish.action,
        org_id=view.org_id,
        destination=wish.destination.name,
        subscription_id=wish.destination.subscription_id if wish.destination.flow else None,
        reason=wish.reason,
    )


def _session(view: OrganizationView, wish: Wish) -> PortalSession | CheckoutSession:
    if wish.destination.name != CHECKOUT:
        return open_portal(
            view,
            flow=wish.destination.flow,
            subscription_id=wish.destination.subscription_id,
            lookup_key=wish.lookup_key,
            quantity=wish.quantity,
            coupon=_coupon(wish),
        )
    if wish.lookup_key is None:
        raise BillingError(
            BillingErrorCode.UNKNOWN_PRICE, "Choose the price that the customer should pay."
        )
    return upgrade(view, lookup_key=wish.lookup_key, quantity=wish.quantity or 1)


def _coupon(wish: Wish) -> str | None:
    offered = wish.offers_coupon and wish.destination.flow is Flow.SUBSCRIPTION_CANCEL
    return data.config().links.retention_coupon if offered else None


def denied(principal: Principal, action: str, org_id: str, destination: str) -> BillingError:
    """The error for somebody whose role may not, once their attempt is on record."""
    attempt = DeniedAudit(action=action, org_id=org_id, destination=destination)
    sentence = "Your role may not make or change links for customers, so nothing was done."
    with suppress(BillingError):
        commands.record(principal, attempt)
        sentence += " The attempt was recorded."
    return BillingError(BillingErrorCode.PERMISSION_DENIED, sentence)
