"""What came of each destination, in numbers."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows.links import DestinationInsight
from console import elements
from console.elements import Column, Text
from console.viewer import lasting

_COLUMNS = (
    Column("Destination"),
    Column("Opened now", number=True),
    Column("Links created", number=True),
    Column("Opened, incl. scanners", number=True),
    Column("Redeemed", number=True),
    Column("Completed", number=True),
    Column("No change", number=True),
    Column("Median time"),
    Column("Top refusals"),
)
NOTE = (
    "Opened now: Stripe sessions that staff made on the spot. Opened: the link's page was"
    " looked at, by the customer or by a mail scanner, which cannot be told apart."
    " Completed: a change followed within a day of the link's last use. No change: none did,"
    " though the customer may have come back. Median time: from the use of the link until"
    " the change was known here."
)


def insight_table(found: Iterable[DestinationInsight]) -> Markup:
    """A line each, in the destinations' fixed order."""
    return elements.table(_COLUMNS, [_row(each) for each in found], "Destinations")


def _row(each: DestinationInsight) -> tuple[Text, ...]:
    waiting = f"{each.undecided:,} not a day old" if each.undecided else ""
    back = f"{each.returned_unchanged:,} came back" if each.returned_unchanged else ""
    median = lasting(each.median_seconds) if each.median_seconds is not None else elements.DASH
    refusals = [f"{one.code.replace('_', ' ')} ({one.times:,})" for one in each.refusals]
    return (
        each.destination,
        f"{each.opened_now:,}",
        f"{each.created:,}",
        f"{each.opened:,}",
        f"{each.redeemed:,}",
        elements.lines(f"{each.completed:,}", elements.quiet(waiting) if waiting else None),
        elements.lines(f"{each.unchanged:,}", elements.quiet(back) if back else None),
        median,
        elements.lines(*refusals) if refusals else elements.DASH,
    )
