"""What a link is made with besides its destination: how it is handed over, price, quantity, offer."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from billing_core.config import LinkPolicy
from billing_core.destinations import CANCEL_SUBSCRIPTION, CHECKOUT, Destination
from billing_core.links import MOST_QUANTITY, MOST_USES, NEEDS_A_PRICE
from billing_core.money import recurring
from billing_core.obstacles import confirmable
from billing_core.rows import OrganizationView, PriceChoice, SubscriptionView
from console import data
from console.viewer import Viewer

_OFFERED_HOURS = (24, 72, 168, 336, 720)


@dataclass(frozen=True, slots=True)
class Options:
    """``hours`` is how long a support link works; None for one of Stripe's own, to be opened now.

    ``quantity`` is None where the customer's own is kept.
    """

    hours: int | None
    uses: int = 1
    lookup_key: str | None = None
    quantity: int | None = None
    offers_coupon: bool = True


def lifetimes(policy: LinkPolicy) -> dict[int, str]:
    """The lifetimes to choose from, in hours, as far as ``billing.toml`` allows; its own first."""
    longest = policy.longest_days * 24
    others = [hours for hours in _OFFERED_HOURS if hours <= longest]
    chosen = dict.fromkeys([policy.lifetime_hours, *others, longest])
    return {hours: _length(hours) for hours in chosen}


def kind_of_link(org_id: str) -> int | None:
    """How long the link is to work; None for one of Stripe's own, to be opened now."""
    choices = {0: "Open now (5 minutes)"} | {
        hours: f"Support link, {name}" for hours, name in lifetimes(data.config().links).items()
    }
    chosen = st.selectbox(
        "Kind of link", list(choices), format_func=choices.__getitem__, key=f"kind_{org_id}"
    )
    return chosen or None


def fields(
    view: OrganizationView,
    chosen: Destination | None,
    prices: Sequence[PriceChoice],
    hours: int | None,
    who: Viewer,
) -> Options:
    """The fields that the destination and the kind of link take."""
    lookup_key, quantity, offers_coupon, uses = None, None, True, 1
    if chosen is not None and chosen.name in NEEDS_A_PRICE:
        subscription = _about(view, chosen)
        lookup_key = _price(view.org_id, chosen, subscription, prices, who)
        quantity = _quantity(view.org_id, chosen, subscription)
    coupon = data.config().links.retention_coupon
    if chosen is not None and chosen.name == CANCEL_SUBSCRIPTION and coupon is not None:
        offers_coupon = st.checkbox(
            f"Offer the coupon `{coupon}` to whoever stays", value=True, key=f"coupon_{view.org_id}"
        )
    if hours is not None:
        uses = st.number_input(
            "Uses",
            min_value=1,
            max_value=MOST_USES,
            value=1,
            help="How often the link may lead to Stripe before it is used up",
            key=f"uses_{view.org_id}",
        )
    return Options(hours, uses, lookup_key, quantity, offers_coupon)


def fault(
    view: OrganizationView, chosen: Destination, prices: Sequence[PriceChoice], options: Options
) -> str | None:
    """What is still missing, as a sentence."""
    if chosen.name not in NEEDS_A_PRICE:
        return None
    if options.lookup_key is None:
        return "Choose the price first: Stripe works out what the customer pays for the change."
    if chosen.name == CHECKOUT:
        return None
    price = next((each for each in prices if each.lookup_key == options.lookup_key), None)
    subscription = _about(view, chosen)
    present = subscription.facts.items[0].price_id if subscription else None
    if price is not None and price.price_id == present and options.quantity is None:
        return "The customer has that plan and quantity already: choose another of either."
    return None


def _about(view: OrganizationView, chosen: Destination) -> SubscriptionView | None:
    if chosen.name == CHECKOUT or chosen.subscription_id is None:
        return None
    return view.subscription(chosen.subscription_id)


def _price(
    org_id: str,
    chosen: Destination,
    subscription: SubscriptionView | None,
    prices: Sequence[PriceChoice],
    who: Viewer,
) -> str | None:
    if chosen.name == CHECKOUT:
        offered = [price for price in prices if price.price_id is not None]
    else:
        offered = list(confirmable(subscription, prices))
    present = subscription.facts.items[0].price_id if subscription else None
    names = {each.lookup_key: _name(each, present, who) for each in offered}
    return st.selectbox(
        "Price" if chosen.name == CHECKOUT else "New price",
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder="Choose from the catalogue",
        key=f"price_{chosen.name}_{org_id}",
    )


def _name(price: PriceChoice, present: str | None, who: Viewer) -> str:
    amount = recurring(
        price.unit_amount,
        price.currency,
        price.interval,
        interval_count=price.interval_count,
        locale=who.locale,
    )
    aside = "present price" if price.price_id == present else price.lookup_key
    return f"{price.plan_name}, {amount} ({aside})"


def _quantity(
    org_id: str, chosen: Destination, subscription: SubscriptionView | None
) -> int | None:
    """How many; None where the subscription's own stays as it is."""
    own = subscription.facts.items[0].quantity if subscription else None
    asked = st.number_input(
        "Quantity",
        min_value=1,
        max_value=MOST_QUANTITY,
        value=max(own or 1, 1),
        help="Seats or units; the customer sees what they cost before agreeing",
        key=f"quantity_{chosen.name}_{org_id}",
    )
    return None if asked == own else asked


def _length(hours: int) -> str:
    if hours % 24 or hours < 96:
        return f"{hours} hours" if hours != 1 else "1 hour"
    return f"{hours // 24} days"
