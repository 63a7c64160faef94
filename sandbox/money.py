"""Amounts as people read them on the hosted pages and on invoices."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from sandbox.shapes import Json


def amount(minor_units: int, currency: str) -> str:
    """`4900, "usd"` as `$49.00`; yen have no minor unit."""
    code = currency.upper()
    value = Decimal(minor_units).scaleb(-get_currency_precision(code))
    return format_currency(value, code, locale="en")


def recurring(price: Json, quantity: int = 1) -> str:
    """What a price costs each period, such as `$49.00 per month`."""
    interval = price["recurring"]["interval"]
    count = price["recurring"]["interval_count"]
    each = f"per {interval}" if count == 1 else f"every {count} {interval}s"
    return f"{amount(price['unit_amount'] * quantity, price['currency'])} {each}"
