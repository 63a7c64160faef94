"""Who an organization is and what it has: the top of its page."""

from datetime import datetime

from markupsafe import Markup

from billing_core.dashboard import dashboard_url
from billing_core.rows import OrganizationView, SubscriptionView
from billing_core.sentences.words import feedback_words
from billing_core.settings import settings
from console import elements, labels
from console.elements import Text
from console.subscription_list import until
from console.viewer import Viewer


def heading(view: OrganizationView) -> None:
    """Name and ids; the customer's leads to Stripe's own page of it."""
    organization = view.organization
    ids = [elements.code(organization.org_id)]
    if organization.email:
        ids.append(elements.email(organization.email))
    if organization.customer_id and organization.customer_id != organization.org_id:
        ids.append(elements.code(organization.customer_id))
    url = organization.customer_id and dashboard_url(
        settings(), "customers", organization.customer_id
    )
    if url:
        ids.append(elements.outside("Open in Stripe", url))
    elements.page_heading(organization.name or organization.org_id, Markup(" · ").join(ids))


def header(view: OrganizationView, who: Viewer, now: datetime) -> None:
    """What it has at ``now``, and whatever must not be overlooked."""
    _winding_down(view, who, now)
    for sentence, tone in _warnings(view):
        elements.notice(elements.sentence(sentence), tone)
    elements.show(elements.facts(_state(view, who)))


def _winding_down(view: OrganizationView, who: Viewer, now: datetime) -> None:
    entitlement = view.entitlement
    if not entitlement.winding_down or entitlement.ends_at is None:
        return
    if entitlement.ends_at < now:
        overdue = Markup("<b>Winding down: was to end on {}; no end was reported</b>")
        banner = overdue.format(elements.time(entitlement.ends_at, who))
    else:
        banner = Markup("<b>Winding down: ends on {}</b>").format(
            elements.time(entitlement.ends_at, who, clock=False)
        )
    elements.notice(elements.lines(banner, *_farewell(view.deciding, who)), "warn")


def _farewell(subscription: SubscriptionView | None, who: Viewer) -> list[Text]:
    """When the end was asked for, and what the customer said about it."""
    if subscription is None:
        return []
    facts = subscription.facts
    said: list[Text] = []
    if facts.canceled_at is not None:
        said.append(Markup("Asked for on {}.").format(elements.time(facts.canceled_at, who)))
    if facts.cancellation_feedback:
        said.append(f"Reason given: {feedback_words(facts.cancellation_feedback)}.")
    if facts.cancellation_comment:
        said.append(Markup("“{}”").format(elements.untrusted(facts.cancellation_comment)))
    return said


def _state(view: OrganizationView, who: Viewer) -> list[tuple[str, Text]]:
    entitlement = view.entitlement
    badge = labels.status_badge(entitlement.status, winding_down=entitlement.winding_down)
    access = (
        elements.badge("Yes", "good") if entitlement.has_access else elements.badge("No", "plain")
    )
    pairs: list[tuple[str, Text]] = [
        ("Status", badge),
        ("Access", access),
    ]
    if entitlement.subscription_id is None:
        return pairs
    pairs.append(("Plan", labels.plan_text(entitlement.plan_name, unmapped=entitlement.unmapped)))
    if entitlement.quantity is not None:
        pairs.append(("Seats", str(entitlement.quantity)))
    amount = labels.amount_text(
        entitlement.unit_amount,
        entitlement.currency,
        entitlement.interval,
        entitlement.quantity,
        entitlement.interval_count,
        who,
    )
    pairs.append(("Amount", amount))
    return [*pairs, *_dates(view.deciding, who)]


def _dates(subscription: SubscriptionView | None, who: Viewer) -> list[tuple[str, Text]]:
    if subscription is None:
        return []
    facts = subscription.facts
    dates: list[tuple[str, Text]] = []
    if facts.created_at is not None:
        dates.append(("Since", elements.time(facts.created_at, who, clock=False)))
    if facts.current_period_start is not None and not facts.final:
        dates.append(("Period began", elements.time(facts.current_period_start, who, clock=False)))
    next_or_last = until(subscription, who)
    return [*dates, next_or_last] if next_or_last else dates


def _warnings(view: OrganizationView) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if view.organization.customer_deleted:
        found.append(
            ("The Stripe customer was deleted: there is no portal to send them to.", "warn")
        )
    if view.unmapped_price_ids:
        prices = ", ".join(f"`{price_id}`" for price_id in view.unmapped_price_ids)
        found.append(
            (
                f"No plan in billing.toml names the price {prices}; access follows the status.",
                "warn",
            )
        )
    for claim in view.conflicting_claims:
        both = f"Two Stripe customers claim the organization `{claim.claimed_org_id}`"
        stands = f"`{claim.customer_id}` stands under `{claim.org_id}` until somebody decides"
        found += [(f"{both}: {stands}.", "bad")]
    if any(subscription.suspect for subscription in view.subscriptions):
        found.append(
            ("The order of the last events is not certain yet; Stripe is being asked.", "warn")
        )
    return found
