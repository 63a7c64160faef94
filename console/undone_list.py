"""Cancellations that were undone: whose, after how long, and whether they stayed."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows import CancellationFlow, UndoneRow, UndoneSummary
from billing_core.sentences.words import feedback_words
from console import elements, labels
from console.elements import Column, Text
from console.exporting import Field
from console.leaving_list import why
from console.recurring_words import RECURRING_FIELDS
from console.viewer import Viewer, lasting

_COLUMNS = (
    Column("Organization"),
    Column("Undone"),
    Column("Plan"),
    Column("Amount", number=True),
    Column("Had given as reason"),
    Column("Since then"),
)
_WITHIN = ("within an hour", "within a day", "within a week", "after a week or more")
UNDONE_FIELDS: tuple[Field[UndoneRow], ...] = (
    Field("Organization", lambda row: row.name, 30),
    Field("Organization id", lambda row: row.org_id, 22),
    Field("E-mail", lambda row: row.email, 28),
    Field("Undone (UTC)", lambda row: row.undone_at, 20),
    Field("Asked for (UTC)", lambda row: row.asked_at, 20),
    Field("Seconds until undone", lambda row: row.seconds_to_undo, 20),
    Field("Would have ended (UTC)", lambda row: row.ends_at, 22),
    Field("Plan", lambda row: row.plan_name, 14),
    *RECURRING_FIELDS,
    Field("Reason given", lambda row: row.feedback and feedback_words(row.feedback), 30),
    Field("Comment", lambda row: row.comment, 40),
    Field("Since then", lambda row: _fate(row)[0], 14),
    Field("Subscription", lambda row: row.subscription_id, 30),
)


def undone_table(rows: Iterable[UndoneRow], who: Viewer) -> Markup:
    """A line each, the latest first."""
    return elements.table(_COLUMNS, [_row(row, who) for row in rows], "Undone cancellations")


def undone_tiles(summary: UndoneSummary, same_time: CancellationFlow) -> Markup:
    """How many began in the time and were undone, what became of these, and how long it took."""
    took = lasting(summary.median_seconds) if summary.median_seconds is not None else "–"
    return elements.tiles(
        [
            (f"{same_time.begun:,}", "Begun", "plain", "Cancellations asked for"),
            (f"{summary.undone:,}", "Undone", "plain", "Cancellations taken back"),
            (f"{summary.staying:,}", "Still staying", "plain", "Nothing pending since"),
            (f"{summary.leaving_again:,}", "Leaving again", "plain", "Canceled once more"),
            (f"{summary.left:,}", "Left after all", "plain", "Ended since"),
            (took, "Median until undone", "plain", _spread(summary.within)),
        ]
    )


def flow_table(flow: Iterable[tuple[str, CancellationFlow]], label: str) -> Markup:
    """What began, was undone and ended, by month or week, which ``label`` says."""
    counts = (Column(name, number=True) for name in ("Begun", "Undone", "Ended"))
    return elements.table(
        (Column(label), *counts),
        [(name, f"{one.begun:,}", f"{one.undone:,}", f"{one.ended:,}") for name, one in flow],
        "Cancellations over time",
    )


FLOW_FIELDS: tuple[Field[tuple[str, CancellationFlow]], ...] = (
    Field("From", lambda row: row[0], 26),
    Field("Begins (UTC)", lambda row: row[1].since, 20),
    Field("Begun", lambda row: row[1].begun, 10),
    Field("Undone", lambda row: row[1].undone, 10),
    Field("Ended", lambda row: row[1].ended, 10),
)


def _spread(within: tuple[int, int, int, int]) -> str:
    told = [f"{count:,} {words}" for count, words in zip(within, _WITHIN, strict=True) if count]
    return ", ".join(told)


def _fate(row: UndoneRow) -> tuple[str, str]:
    if row.left:
        return "Left after all", "plain"
    if row.leaving_again:
        return "Leaving again", "warn"
    return "Staying", "good"


def _row(row: UndoneRow, who: Viewer) -> tuple[Text, ...]:
    took = f"after {lasting(row.seconds_to_undo)}" if row.seconds_to_undo is not None else None
    name = (
        elements.organization_link(row.org_id, row.name)
        if row.org_id
        else elements.code(row.subscription_id)
    )
    ends = elements.time(row.ends_at, who, clock=False) if row.ends_at else None
    return (
        elements.lines(name, elements.quiet(elements.email(row.email)) if row.email else None),
        elements.lines(
            elements.time(row.undone_at, who, clock=False),
            elements.quiet(took) if took else None,
            elements.quiet(Markup("was to end {}").format(ends)) if ends else None,
        ),
        labels.plan_text(row.plan_name, unmapped=row.plan is None),
        labels.amount_text(
            row.unit_amount, row.currency, row.interval, row.quantity, row.interval_count, who
        ),
        why(row.reason, row.feedback, row.comment),
        elements.badge(*_fate(row)),
    )
