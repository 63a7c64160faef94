"""An organization as plain text, to be pasted into a ticket. It holds no link and no secret."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from billing_core.money import recurring
from billing_core.rows import OrganizationView, TimelineEntry
from billing_core.sentences.why import why
from billing_core.sentences.words import Words

_EVENTS = 8


def ticket_text(
    view: OrganizationView,
    entries: Iterable[TimelineEntry],
    words: Words,
    *,
    status: str,
    as_of: datetime,
    past: bool = False,
    days_in: str = "UTC",
) -> str:
    """Who it is, what it has, why, since when, and what happened last.

    ``status`` is the state in words. Times are exact and in UTC, whoever reads the ticket;
    ``days_in`` names the zone of the days that the sentences of ``entries`` speak of.
    """
    told = [entry for entry in entries if not entry.quiet][:_EVENTS]
    lines = [
        f"{view.name or view.org_id} ({view.org_id})",
        *_ids(view),
        f"{'As it was on' if past else 'As of'} {_utc(as_of)}",
        "",
        *_state(view, words, status),
        "",
        _plain(why(view, words)),
    ]
    if told:
        elsewhere = "" if days_in == "UTC" else f", whose sentences tell days in {days_in}"
        lines += ["", f"Last events{elsewhere}:"]
        lines += [f"- {_utc(e.at)}  {_plain(e.sentence)}{_event_id(e)}" for e in told]
    return "\n".join(lines) + "\n"


def _ids(view: OrganizationView) -> Iterator[str]:
    if view.email:
        yield f"E-mail: {view.email}"
    if view.stripe_customer_id:
        yield f"Stripe customer: {view.stripe_customer_id}"
    if view.entitlement.subscription_id:
        yield f"Subscription: {view.entitlement.subscription_id}"


def _state(view: OrganizationView, words: Words, status: str) -> Iterator[str]:
    entitlement = view.entitlement
    yield f"Status: {status}"
    yield f"Access: {'yes' if entitlement.has_access else 'no'}"
    if entitlement.subscription_id is None:
        return
    yield f"Plan: {entitlement.plan_name or f'unmapped price {entitlement.price_id}'}"
    if entitlement.quantity is not None:
        yield f"Seats: {entitlement.quantity}"
    amount = recurring(
        entitlement.unit_amount,
        entitlement.currency,
        entitlement.interval,
        quantity=entitlement.quantity,
        interval_count=entitlement.interval_count,
        locale=words.locale,
    )
    yield f"Amount: {amount}"
    dates: tuple[tuple[str, datetime | None], ...] = (
        ("Ends", entitlement.ends_at),
        ("Period until", entitlement.current_period_end),
    )
    yield from (f"{label}: {_utc(at)}" for label, at in dates if at is not None)


def _event_id(entry: TimelineEntry) -> str:
    return f" [{entry.event_id}]" if entry.event_id else ""


def _plain(sentence: str) -> str:
    return " ".join(sentence.replace("`", "").split())


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
