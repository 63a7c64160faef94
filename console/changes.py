"""Changes of entitlements in words, before and after."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from billing_core.rows import ChangeRow, FieldChange, Value
from console import data, elements
from console.elements import Column
from console.labels import STATUSES
from console.viewer import Viewer

_FIELDS = {
    "plan": "Plan",
    "status": "Status",
    "has_access": "Access",
    "cancel_at_period_end": "Cancels at period end",
    "cancel_at": "Cancels at",
    "current_period_end": "Period ends",
    "ends_at": "Access ends",
    "quantity": "Seats",
    "subscription_id": "Subscription",
    "price_id": "Price",
    "price_lookup_key": "Lookup key",
    "unit_amount": "Unit amount in minor units",
    "currency": "Currency",
    "interval": "Interval",
}
# What a person looks for first; the rest is told with the event.
_TOLD = ("status", "has_access", "plan", "ends_at", "quantity", "interval")
_COLUMNS = (Column("Organization"), Column("What changed"), Column("When"))


def changes_table(changes: Sequence[ChangeRow], viewer: Viewer) -> Markup:
    """The newest changes, each with its organization."""
    return elements.table(
        _COLUMNS,
        [
            (
                elements.organization_link(change.org_id, change.name),
                elements.lines(*_told(change.changes, viewer)),
                elements.time(change.happened_at, viewer),
            )
            for change in changes
        ],
        "Newest changes",
    )


def change_lines(changes: Sequence[FieldChange], viewer: Viewer) -> list[Markup]:
    """Every field that changed: "Status: In trial → Active"."""
    return [_line(change, viewer) for change in changes]


def _told(changes: Sequence[FieldChange], viewer: Viewer) -> list[Markup]:
    first = [change for name in _TOLD for change in changes if change.field == name]
    return [_line(change, viewer) for change in (first or changes)[:3]]


def _line(change: FieldChange, viewer: Viewer) -> Markup:
    label = _FIELDS.get(change.field, change.field)
    before, after = (_value(change.field, v, viewer) for v in (change.before, change.after))
    if change.before is None:
        return Markup("{}: {}").format(label, after)
    return Markup("{}: {} → {}").format(label, before, after)


def _value(field: str, value: Value, viewer: Viewer) -> elements.Text:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return elements.time(value, viewer)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field == "status":
        return STATUSES.get(str(value), (str(value), ""))[0]
    if field == "plan":
        return elements.untrusted(data.config().plan_name(str(value)))
    return elements.untrusted(str(value))
