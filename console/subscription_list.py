"""All subscriptions of an organization with all their items, and which one decides."""

from markupsafe import Markup

from billing_core.dashboard import dashboard_url
from billing_core.rows import ItemView, OrganizationView, SubscriptionView
from billing_core.settings import settings
from console import elements, labels
from console.elements import Column, Text
from console.viewer import Viewer

_COLUMNS = (
    Column("Subscription"),
    Column("Status"),
    Column("Items"),
    Column("Amount", number=True),
    Column("Until"),
)


def subscription_list(view: OrganizationView, who: Viewer) -> None:
    """A line each, the newest first; folded where there is one with one item."""
    subscriptions = view.subscriptions
    if not subscriptions:
        return
    rows = [_subscription(each, who) for each in subscriptions]
    table = elements.table(_COLUMNS, rows, "Subscriptions")
    if len(subscriptions) == 1 and len(subscriptions[0].items) == 1:
        elements.show(elements.folded("The subscription", table))
        return
    elements.section("Subscriptions", f"{len(subscriptions)} in all")
    elements.show(table)
    if len(subscriptions) > 1:
        elements.show(
            elements.quiet(
                "One that gives access decides before one that does not; of several, the newest."
            )
        )


def until(view: SubscriptionView | None, who: Viewer) -> tuple[str, Text] | None:
    """The one date of a subscription that matters next, or last."""
    if view is None:
        return None
    facts = view.facts
    if facts.final:
        return ("Ended", elements.time(facts.ended_at, who, clock=False))
    if view.ends_at is not None:
        return ("Ends", elements.time(view.ends_at, who, clock=False))
    if facts.status == "trialing" and facts.trial_end is not None:
        return ("Trial until", elements.time(facts.trial_end, who, clock=False))
    return ("Renews", elements.time(facts.current_period_end, who, clock=False))


def _subscription(view: SubscriptionView, who: Viewer) -> tuple[Text, ...]:
    label, date = until(view, who) or ("", elements.DASH)
    facts = view.facts
    started = elements.time(facts.created_at, who, clock=False)
    return (
        elements.lines(
            _id(facts.subscription_id),
            Markup("<b>Decides what the organization has</b>") if view.decides else None,
            elements.quiet(Markup("since {}").format(started)) if facts.created_at else None,
        ),
        labels.status_badge(facts.status, winding_down=view.ends_at is not None),
        elements.lines(*(_item(item) for item in view.items)) or elements.DASH,
        elements.lines(*(_amount(item, who) for item in view.items)) or elements.DASH,
        elements.lines(date, elements.quiet(label.lower())),
    )


def _id(subscription_id: str) -> Markup:
    url = dashboard_url(settings(), "subscriptions", subscription_id)
    shown = elements.code(subscription_id)
    return elements.outside(shown, url) if url else shown


def _item(item: ItemView) -> Markup:
    price = item.facts.price_id or "no price"
    if item.decides:
        return labels.plan_text(item.plan_name, unmapped=item.plan is None)
    named = elements.untrusted(item.product_name) if item.product_name else elements.code(price)
    return Markup("{} {}").format(named, elements.quiet("add-on"))


def _amount(item: ItemView, who: Viewer) -> Markup:
    facts = item.facts
    return labels.amount_text(
        facts.unit_amount,
        facts.currency,
        facts.interval,
        facts.quantity,
        facts.interval_count,
        who,
    )
