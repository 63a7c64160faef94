"""Words, tones and icons for what Stripe names with codes."""

from markupsafe import Markup

from billing_core.money import recurring
from billing_core.permissions import Role
from console import elements
from console.viewer import Viewer

STATUSES: dict[str, tuple[str, str]] = {
    "active": ("Active", "good"),
    "trialing": ("In trial", "info"),
    "past_due": ("Past due", "warn"),
    "unpaid": ("Unpaid", "bad"),
    "incomplete": ("Awaiting first payment", "warn"),
    "incomplete_expired": ("Never started", "plain"),
    "paused": ("Paused", "warn"),
    "canceled": ("Ended", "plain"),
    "none": ("No subscription", "plain"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "pending": ("Pending", "info"),
    "applied": ("Applied", "good"),
    "stale": ("Came late", "plain"),
    "ignored": ("Ignored", "plain"),
    "parked": ("Parked", "bad"),
    "begun": ("Begun", "warn"),
    "minted": ("Link made", "good"),
    "created": ("Created", "good"),
    "extended": ("Extended", "good"),
    "done": ("Done", "good"),
    "refused": ("Refused", "warn"),
    "denied": ("Denied", "bad"),
}
ROLES = {
    Role.SUPPORT.value: "Support",
    Role.FINANCE.value: "Finance",
    Role.OPS.value: "Operations",
    Role.ADMIN.value: "Administrator",
}
_ICONS = {
    "created": ("add_circle", "good"),
    "trial": ("hourglass_top", "info"),
    "renewed": ("autorenew", "plain"),
    "recovered": ("check_circle", "good"),
    "resumed": ("play_circle", "good"),
    "undone": ("undo", "good"),
    "canceling": ("event_busy", "warn"),
    "paused": ("pause_circle", "warn"),
    "payment_failed": ("credit_card_off", "bad"),
    "ended": ("cancel", "bad"),
    "switched": ("swap_horiz", "info"),
    "seats": ("group", "info"),
    "schedule": ("event", "info"),
    "invoice_paid": ("receipt_long", "good"),
    "checkout": ("shopping_cart", "info"),
    "payment_method": ("credit_card", "info"),
    "customer": ("person", "plain"),
    "link": ("link", "info"),
    "staff": ("support_agent", "info"),
    "unknown": ("help", "plain"),
}


def status_badge(status: str, *, winding_down: bool = False) -> Markup:
    """A subscription's status in a word; one that we do not know stands as Stripe wrote it."""
    word, tone = STATUSES.get(status, (status, "warn"))
    shown = elements.badge(word, tone)
    return shown + " " + elements.badge("Winding down", "warn") if winding_down else shown


def outcome_badge(outcome: str) -> Markup:
    """What became of an event or of something that staff did, in a word."""
    word, tone = OUTCOMES.get(outcome, (outcome.replace("_", " ").capitalize(), "plain"))
    return elements.badge(word, tone)


def plan_text(plan_name: str | None, *, unmapped: bool) -> Markup:
    """A plan by its name; an unmapped price is never passed off as a plan."""
    if unmapped:
        return elements.badge("Unmapped price", "warn")
    return elements.untrusted(plan_name)


def amount_text(
    unit_amount: int | None,
    currency: str | None,
    interval: str | None,
    quantity: int | None,
    interval_count: int,
    viewer: Viewer,
) -> Markup:
    """What the price asks per period, as it states it; nothing where there is no price."""
    if interval is None and unit_amount is None:
        return elements.DASH
    text = recurring(
        unit_amount,
        currency,
        interval,
        quantity=quantity,
        interval_count=interval_count,
        locale=viewer.locale,
    )
    return Markup('<span class="bc-amount">{}</span>').format(text)


def icon(kind: str) -> Markup:
    """The picture beside an entry of the timeline; the sentence says it all without it."""
    name, tone = _ICONS.get(kind, ("info", "plain"))
    return Markup('<span class="bc-icon bc-{}" aria-hidden="true">{}</span>').format(tone, name)


def role_names(roles: frozenset[str]) -> str:
    """Roles in words: "Support, Finance"."""
    return ", ".join(ROLES.get(role, role) for role in sorted(roles)) or "no role"
