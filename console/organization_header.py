"""Who an organization is, what it has now and why: the top of its page."""

from markupsafe import Markup

from billing_core.rows import OrganizationView, SubscriptionView
from billing_core.sentences import Words, why
from billing_core.sentences.words import feedback_words
from console import data, elements, labels
from console.elements import Column, Text
from console.viewer import Viewer

_COLUMNS = (
    Column("Subscription"),
    Column("Status"),
    Column("Plan"),
    Column("Amount", number=True),
    Column("Until"),
)


def header(view: OrganizationView, who: Viewer) -> None:
    """Name, state, reason, and whatever must not be overlooked."""
    organization = view.organization
    ids = [elements.code(organization.org_id)]
    if organization.email:
        ids.append(elements.untrusted(organization.email))
    if organization.customer_id and organization.customer_id != organization.org_id:
        ids.append(elements.code(organization.customer_id))
    elements.page_heading(organization.name or organization.org_id, Markup(" · ").join(ids))
    _winding_down(view, who)
    elements.show(elements.facts(_state(view, who)))
    words = Words(data.config(), day=who.day, locale=who.locale)
    elements.show(Markup('<p class="bc-why">{}</p>').format(elements.sentence(why(view, words))))
    for sentence, tone in _warnings(view):
        elements.notice(elements.sentence(sentence), tone)
    if len(view.subscriptions) > 1:
        elements.section("Subscriptions", f"{len(view.subscriptions)} in all")
        rows = [_subscription(each, who) for each in view.subscriptions]
        elements.show(elements.table(_COLUMNS, rows, "Subscriptions"))


def _winding_down(view: OrganizationView, who: Viewer) -> None:
    entitlement = view.entitlement
    if not entitlement.winding_down or entitlement.ends_at is None:
        return
    banner = Markup("<b>Winding down: ends on {}</b>").format(
        elements.timed(who.day(entitlement.ends_at), entitlement.ends_at)
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
    until = _until(view.deciding, who)
    return [*pairs, until] if until else pairs


def _until(subscription: SubscriptionView | None, who: Viewer) -> tuple[str, Text] | None:
    """The one date that matters next, or last."""
    if subscription is None:
        return None
    facts = subscription.facts
    if facts.final:
        return ("Ended", elements.time(facts.ended_at, who, clock=False))
    if subscription.ends_at is not None:
        return ("Ends", elements.time(subscription.ends_at, who, clock=False))
    if facts.status == "trialing" and facts.trial_end is not None:
        return ("Trial until", elements.time(facts.trial_end, who, clock=False))
    return ("Renews", elements.time(facts.current_period_end, who, clock=False))


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


def _subscription(view: SubscriptionView, who: Viewer) -> tuple[Text, ...]:
    item = next((each for each in view.items if each.decides), None)
    label, date = _until(view, who) or ("", elements.DASH)
    facts = item.facts if item else None
    return (
        elements.lines(
            elements.code(view.facts.subscription_id),
            elements.quiet("decides what the organization has") if view.decides else None,
        ),
        labels.status_badge(view.facts.status, winding_down=view.ends_at is not None),
        labels.plan_text(view.plan_name, unmapped=item is not None and item.plan is None),
        labels.amount_text(
            facts.unit_amount,
            facts.currency,
            facts.interval,
            facts.quantity,
            facts.interval_count,
            who,
        )
        if facts
        else elements.DASH,
        elements.lines(date, elements.quiet(label.lower())),
    )
