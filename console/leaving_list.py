"""Who leaves or has left, and what leaves with them: on the page, and as a file."""

from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup

from billing_core.rows import LeavingRow
from billing_core.sentences.words import feedback_words
from console import elements, labels
from console.elements import Column, Text
from console.exporting import Field
from console.recurring_words import RECURRING_FIELDS
from console.viewer import Viewer

_MORE_COLUMNS = (
    Column("Asked for"),
    Column("Plan"),
    Column("Seats", number=True),
    Column("Amount", number=True),
    Column("Why"),
)
# Stripe's own reason is worth a word only where nobody asked for the end.
_UNASKED = {
    "payment_failed": "The payment failed",
    "payment_disputed": "The payment was disputed",
    "canceled_by_retention_policy": "Ended by a retention policy",
}


def leaving_table(
    rows: Iterable[LeavingRow], who: Viewer, now: datetime, *, ends: str = "Ends"
) -> Markup:
    """A line each, in the order of the rows; ``ends`` is "Ended" where all of them have left."""
    columns = (Column("Organization"), Column(ends), *_MORE_COLUMNS)
    return elements.table(columns, [_row(row, who, now) for row in rows], "Winding down")


def leaving_fields(now: datetime, who: Viewer) -> tuple[Field[LeavingRow], ...]:
    """The columns of the same list as a file; days are counted as on the page."""
    return (
        Field("Organization", lambda row: row.name, 30),
        Field("Organization id", lambda row: row.org_id, 22),
        Field("E-mail", lambda row: row.email, 28),
        Field("Ends (UTC)", lambda row: row.ends_at, 20),
        Field("Days left", lambda row: _days(row.ends_at, now, who), 10),
        Field("Overdue", lambda row: row.overdue, 10),
        Field("Asked for (UTC)", lambda row: row.asked_at, 20),
        Field("Plan", lambda row: row.plan_name, 14),
        *RECURRING_FIELDS,
        Field("Reason given", lambda row: row.feedback and feedback_words(row.feedback), 30),
        Field("Comment", lambda row: row.comment, 40),
        Field("Stripe's reason", lambda row: row.reason, 24),
        Field("Status", lambda row: row.status, 12),
        Field("Subscription", lambda row: row.subscription_id, 30),
    )


def why(reason: str | None, feedback: str | None, comment: str | None) -> Text:
    """What the customer gave as a reason and wrote, or what ended it unasked."""
    given = feedback_words(feedback).capitalize() if feedback else _UNASKED.get(reason or "")
    return elements.lines(given, elements.untrusted(comment) if comment else None) or elements.DASH


def _row(row: LeavingRow, who: Viewer, now: datetime) -> tuple[Text, ...]:
    overdue = elements.badge("Overdue: no end reported", "bad") if row.overdue else None
    return (
        elements.lines(
            elements.organization_link(row.org_id, row.name),
            elements.quiet(elements.email(row.email)) if row.email else None,
        ),
        elements.lines(
            elements.time(row.ends_at, who, clock=False),
            elements.quiet(days_left(row.ends_at, now, who)),
            overdue,
        ),
        elements.time(row.asked_at, who, clock=False),
        labels.plan_text(row.plan_name, unmapped=row.plan is None),
        str(row.quantity) if row.quantity is not None else elements.DASH,
        labels.amount_text(
            row.unit_amount, row.currency, row.interval, row.quantity, row.interval_count, who
        ),
        why(row.reason, row.feedback, row.comment),
    )


def days_left(at: datetime, now: datetime, who: Viewer) -> str:
    """How far off the viewer's calendar has a day: "in 12 days", "today", "3 days ago"."""
    days = _days(at, now, who)
    if days == 0:
        return "today"
    noun = "day" if abs(days) == 1 else "days"
    return f"in {days} {noun}" if days > 0 else f"{-days} {noun} ago"


def _days(at: datetime, now: datetime, who: Viewer) -> int:
    return (at.astimezone(who.zone).date() - now.astimezone(who.zone).date()).days
