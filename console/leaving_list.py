"""Who leaves, and what leaves with them."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.money import money, period
from billing_core.rows import LeavingRow, RecurringTotal
from billing_core.sentences.words import feedback_words
from console import elements, labels
from console.elements import Column, Text
from console.viewer import Viewer

_COLUMNS = (
    Column("Organization"),
    Column("Ends"),
    Column("Plan"),
    Column("Seats", number=True),
    Column("Amount", number=True),
    Column("Why"),
)


def leaving_table(rows: Iterable[LeavingRow], who: Viewer) -> Markup:
    """A line each, soonest first."""
    return elements.table(_COLUMNS, [_row(row, who) for row in rows], "Winding down")


def total_tiles(totals: Iterable[RecurringTotal], who: Viewer) -> Markup:
    """What ends, per currency and interval: never added across them."""
    return elements.tiles(_total(total, who) for total in totals)


def _total(total: RecurringTotal, who: Viewer) -> tuple[Text, str, str, Text]:
    if total.currency is None:
        amount = "No amount"
    else:
        amount = money(total.amount, total.currency, locale=who.locale)
    noun = "organization" if total.organizations == 1 else "organizations"
    below = f"{total.organizations} {noun}"
    if total.without_amount:
        below += f", {total.without_amount} priced by tiers and not included"
    return amount, period(total.interval, total.interval_count) or "once", "plain", below


def _row(row: LeavingRow, who: Viewer) -> tuple[Text, ...]:
    overdue = elements.badge("Overdue: no end reported", "bad") if row.overdue else None
    asked = elements.time(row.asked_at, who, clock=False) if row.asked_at else None
    return (
        elements.lines(
            elements.organization_link(row.org_id, row.name),
            elements.quiet(elements.untrusted(row.email)) if row.email else None,
        ),
        elements.lines(
            elements.time(row.ends_at, who, clock=False),
            elements.quiet(Markup("asked for {}").format(asked)) if asked else None,
            overdue,
        ),
        labels.plan_text(row.plan_name, unmapped=row.plan is None),
        str(row.quantity) if row.quantity is not None else elements.DASH,
        labels.amount_text(
            row.unit_amount, row.currency, row.interval, row.quantity, row.interval_count, who
        ),
        _why(row),
    )


def _why(row: LeavingRow) -> Text:
    comment = elements.untrusted(row.comment) if row.comment else None
    told = elements.lines(feedback_words(row.feedback) if row.feedback else None, comment)
    return told or elements.DASH
