"""The one screen that a portal session opens, as Stripe wants it described."""

from dataclasses import dataclass
from typing import Any

from billing_core.destinations import Flow


@dataclass(frozen=True, slots=True)
class PortalFlow:
    """The one screen that a portal session opens, and what it is about.

    ``item_id``, ``price_id`` and ``quantity`` are for confirming one given change, ``coupon`` is an
    offer to stay. ``done_url`` is where the customer comes back to once it is done.
    """

    type: Flow
    subscription_id: str | None = None
    item_id: str | None = None
    price_id: str | None = None
    quantity: int | None = None
    coupon: str | None = None
    done_url: str | None = None


def flow_data(flow: PortalFlow) -> dict[str, Any]:
    """The ``flow_data`` of a new session: https://docs.stripe.com/api/customer_portal/sessions."""
    data: dict[str, Any] = {"type": flow.type.value}
    if flow.subscription_id is not None:
        data[flow.type.value] = _about_subscription(flow, flow.subscription_id)
    if flow.done_url is not None:
        data["after_completion"] = {"type": "redirect", "redirect": {"return_url": flow.done_url}}
    return data


def _about_subscription(flow: PortalFlow, subscription_id: str) -> dict[str, Any]:
    about: dict[str, Any] = {"subscription": subscription_id}
    if flow.type is Flow.SUBSCRIPTION_CANCEL and flow.coupon is not None:
        about["retention"] = {"type": "coupon_offer", "coupon_offer": {"coupon": flow.coupon}}
    if flow.type is Flow.SUBSCRIPTION_UPDATE_CONFIRM:
        item: dict[str, Any] = {"id": flow.item_id}
        if flow.price_id is not None:
            item["price"] = flow.price_id
        if flow.quantity is not None:
            item["quantity"] = flow.quantity
        about["items"] = [item]
    return about
