"""Recurring amounts in words, in tiles and as cells of a file: never added across currencies."""

from collections.abc import Iterable
from typing import Protocol

from markupsafe import Markup

from billing_core.money import money, period
from billing_core.rows import RecurringTotal, TotalsGroup
from console import elements
from console.elements import Text
from console.exporting import Amount, Field
from console.viewer import Viewer


class Recurring(Protocol):
    """What has a price: an organization that leaves, or a cancellation."""

    @property
    def unit_amount(self) -> int | None:
        """Of one unit, in minor units."""
        ...

    @property
    def amount(self) -> int | None:
        """Of all units, in minor units."""
        ...

    @property
    def quantity(self) -> int | None:
        """How many units."""
        ...

    @property
    def currency(self) -> str | None:
        """The currency's code in Stripe's lower case."""
        ...

    @property
    def interval(self) -> str | None:
        """The unit of the billing period."""
        ...

    @property
    def interval_count(self) -> int:
        """How many intervals a billing period has."""
        ...


RECURRING_FIELDS: tuple[Field[Recurring], ...] = (
    Field("Seats", lambda row: row.quantity, 8),
    Field("Amount per seat", lambda row: _amount(row.unit_amount, row.currency)),
    Field("Recurring amount", lambda row: _amount(row.amount, row.currency)),
    Field("Currency", lambda row: row.currency.upper() if row.currency else None, 10),
    Field("Billed every", lambda row: every(row.interval, row.interval_count), 14),
)


def every(interval: str | None, interval_count: int) -> str | None:
    """A billing period for a cell: "month", "3 months"."""
    if interval is None:
        return None
    return interval if interval_count == 1 else f"{interval_count} {interval}s"


def total_tiles(totals: Iterable[RecurringTotal], who: Viewer, noun: str) -> Markup:
    """A tile for each currency and interval; ``noun`` is what is counted, in the singular."""
    return elements.tiles(_tile(total, who, noun) for total in totals)


def total_lines(totals: Iterable[RecurringTotal], who: Viewer) -> Markup:
    """A line for each currency and interval."""
    return elements.lines(*(_line(total, who) for total in totals))


def group_rows(
    groups: Iterable[tuple[str, TotalsGroup]],
) -> Iterable[tuple[str, RecurringTotal]]:
    """Each group's name with each of its totals, for a file."""
    return ((name, total) for name, group in groups for total in group.totals)


def group_fields(label: str) -> tuple[Field[tuple[str, RecurringTotal]], ...]:
    """The columns of such a file; ``label`` is what the groups are."""
    return (
        Field(label, lambda row: row[0], 30),
        Field("Organizations", lambda row: row[1].organizations, 14),
        Field("Recurring amount", lambda row: _amount(row[1].amount, row[1].currency)),
        Field("Currency", lambda row: row[1].currency.upper() if row[1].currency else None, 10),
        Field("Billed every", lambda row: every(row[1].interval, row[1].interval_count), 14),
        Field("Not in the amount: priced by tiers", lambda row: row[1].without_amount, 34),
    )


def _amount(minor: int | None, currency: str | None) -> Amount | None:
    return Amount(minor, currency) if minor is not None and currency is not None else None


def _tile(total: RecurringTotal, who: Viewer, noun: str) -> tuple[Text, str, str, Text]:
    below = f"{total.organizations:,} {noun}{'' if total.organizations == 1 else 's'}"
    if total.without_amount:
        below += f", {total.without_amount:,} priced by tiers and not included"
    often = period(total.interval, total.interval_count)
    return _money(total, who), often or "once", "plain", below


def _line(total: RecurringTotal, who: Viewer) -> Markup:
    often = period(total.interval, total.interval_count)
    tiers = f" ({total.without_amount:,} by tiers not included)" if total.without_amount else ""
    return Markup('<span class="bc-amount">{}</span> {}{}').format(
        _money(total, who), often, elements.quiet(tiers) if tiers else ""
    )


def _money(total: RecurringTotal, who: Viewer) -> str:
    if total.currency is None or total.without_amount == total.organizations:
        return "No amount"
    return money(total.amount, total.currency, locale=who.locale)
