"""Groups of those who leave, each with a bar, its number and its amounts in words."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows import TotalsGroup
from console import elements
from console.elements import Column, Text
from console.recurring_words import total_lines
from console.viewer import Viewer


def breakdown(groups: Iterable[tuple[Text, TotalsGroup]], who: Viewer, label: str) -> Markup:
    """A table of named groups; the bars say again what the numbers say."""
    listed = list(groups)
    most = max((group.organizations for _, group in listed), default=0)
    columns = (Column(label), Column("Organizations"), Column("Recurring amounts that end"))
    rows = [
        (
            name,
            _bar(group.organizations, most),
            total_lines(group.totals, who) or elements.DASH,
        )
        for name, group in listed
    ]
    return elements.table(columns, rows, label)


def _bar(count: int, most: int) -> Markup:
    share = round(100 * count / most, 1) if most else 0
    return Markup(
        '<div class="bc-bar"><span class="bc-bar-count">{}</span>'
        '<span class="bc-bar-track" aria-hidden="true"><span style="width:{}%"></span></span></div>'
    ).format(f"{count:,}", share)
