"""What to do next for an organization in its present state: one or two steps, the best first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from billing_core.dates import long_date
from billing_core.destinations import BILLING_HOME, CHECKOUT, UPDATE_PAYMENT_METHOD
from billing_core.facts import KNOWN_STATUSES
from billing_core.obstacles import Day
from billing_core.possible_destinations import destinations_for
from billing_core.rows import OrganizationView

MOST = 2


@dataclass(frozen=True, slots=True)
class NextStep:
    """Something that fits. ``destination`` is where to send the customer for it, if anywhere."""

    sentence: str
    destination: str | None = None


def next_steps(
    view: OrganizationView, *, now: datetime, day: Day = long_date
) -> tuple[NextStep, ...]:
    """At most two steps; none where nothing needs to be done.

    A destination is named only where it can be opened. Text between backticks is code.
    """
    open_now = {each.name for each in destinations_for(view, day=day) if each.enabled}
    steps = [*_for_staff(view, now), *_for_the_customer(view, now, day)]
    fitting = [s for s in steps if s.destination is None or s.destination in open_now]
    return tuple(fitting[:MOST])


def _for_staff(view: OrganizationView, now: datetime) -> Iterator[NextStep]:
    """What no customer can mend."""
    entitlement = view.entitlement
    if view.conflicting_claims:
        yield NextStep(
            "Tell an administrator: two Stripe customers claim one organization, and the metadata"
            " of one of them has to be corrected in Stripe."
        )
    if view.unmapped_price_ids:
        price = view.unmapped_price_ids[0]
        yield NextStep(
            f"Tell an administrator: no plan in billing.toml names `{price}`. Once one does,"
            " `billing-listener reproject` gives the organization its plan."
        )
    if entitlement.ends_at is not None and entitlement.ends_at < now:
        yield NextStep(
            "Tell operations: the end has passed and Stripe has reported none; reconciling fetches"
            " what was missed."
        )
    if any(each.suspect for each in view.subscriptions):
        yield NextStep("Wait a moment: Stripe is being asked which of its last events came last.")
    if view.deciding is not None and entitlement.status not in KNOWN_STATUSES:
        yield NextStep(
            f"Tell operations: `{entitlement.status}` is a status that is not known here, so access"
            " was left as it was."
        )


def _for_the_customer(view: OrganizationView, now: datetime, day: Day) -> Iterator[NextStep]:
    entitlement = view.entitlement
    match entitlement.status:
        case "past_due":
            yield NextStep(
                "Ask for another way to pay; Stripe then retries.", UPDATE_PAYMENT_METHOD
            )
            yield NextStep("Or let them pay the open invoice.", BILLING_HOME)
        case "unpaid":
            yield NextStep("Let them pay the open invoices.", BILLING_HOME)
            yield NextStep("Ask for another way to pay.", UPDATE_PAYMENT_METHOD)
        case "incomplete":
            yield NextStep("Ask for a way to pay that works.", UPDATE_PAYMENT_METHOD)
            yield NextStep("Or let them pay the open invoice.", BILLING_HOME)
        case "paused":
            yield NextStep("Let them resume the subscription.", BILLING_HOME)
            yield NextStep("Ask for a way to pay first, if there is none.", UPDATE_PAYMENT_METHOD)
        case "canceled" | "incomplete_expired":
            yield NextStep("Let them subscribe again.", CHECKOUT)
            yield NextStep("Or open their invoices, which they keep.", BILLING_HOME)
        case "none":
            yield NextStep("Let them start a subscription.", CHECKOUT)
        case _ if entitlement.winding_down and entitlement.ends_at and entitlement.ends_at >= now:
            yield NextStep(
                f"If they want to stay, they can undo the end until {day(entitlement.ends_at)}.",
                BILLING_HOME,
            )
        case _:
            return
