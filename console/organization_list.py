"""The list of organizations: a line each, leading to its page."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows import OrganizationRow
from console import elements, labels
from console.elements import Column
from console.viewer import Viewer

_COLUMNS = (
    Column("Organization"),
    Column("Status"),
    Column("Plan"),
    Column("Seats", number=True),
    Column("Amount", number=True),
    Column("Ends"),
)


def organization_table(rows: Iterable[OrganizationRow], who: Viewer) -> Markup:
    """The organizations as a table."""
    lines = [_row(row, who) for row in rows]
    return elements.table(_COLUMNS, lines, "Organizations", rows_open=True)


def _row(row: OrganizationRow, who: Viewer) -> tuple[elements.Text, ...]:
    known_as = [elements.email(row.email)] if row.email else []
    known_as.append(elements.untrusted(row.org_id))
    return (
        elements.lines(
            elements.organization_link(row.org_id, row.name),
            elements.quiet(Markup(" · ").join(known_as)),
        ),
        labels.status_badge(row.status, winding_down=row.ends_at is not None),
        labels.plan_text(row.plan_name, unmapped=row.unmapped),
        str(row.quantity) if row.quantity is not None else elements.DASH,
        labels.amount_text(
            row.unit_amount, row.currency, row.interval, row.quantity, row.interval_count, who
        ),
        elements.time(row.ends_at, who, clock=False),
    )
