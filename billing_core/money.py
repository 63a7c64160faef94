"""Amounts in words, as the price states them. Nothing here adds, converts or predicts."""

from decimal import Decimal

from babel.core import UnknownLocaleError
from babel.numbers import format_currency, format_decimal

# How many digits of Stripe's smallest unit are fractions, where that is not two:
# https://docs.stripe.com/currencies#minor-units. Stripe's ISK and UGX have two, ISO's have none.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
_INTERVALS = {"day": "day", "week": "week", "month": "month", "year": "year"}


def exponent(currency: str) -> int:
    """How many decimal places Stripe's smallest unit of ``currency`` stands for."""
    return _EXPONENTS.get(currency.upper(), 2)


def major_units(amount: int, currency: str) -> Decimal:
    """An amount in minor units as the currency's own number: 4900 ``eur`` is 49.00."""
    return Decimal(amount).scaleb(-exponent(currency))


def money(amount: int, currency: str, *, locale: str = "en") -> str:
    """An amount in minor units for people: "€49.00", "¥5,000". Never rounded."""
    value = major_units(amount, currency)
    try:
        return format_currency(value, currency.upper(), locale=locale, decimal_quantization=False)
    except (UnknownLocaleError, ValueError):
        return format_currency(value, currency.upper(), locale="en", decimal_quantization=False)


def period(interval: str | None, interval_count: int = 1) -> str:
    """How often: "a month", "every 3 months"; empty for a price that does not recur."""
    if interval is None:
        return ""
    noun = _INTERVALS.get(interval, interval)
    return f"a {noun}" if interval_count <= 1 else f"every {interval_count} {noun}s"


def recurring(
    unit_amount: int | None,
    currency: str | None,
    interval: str | None,
    *,
    quantity: int | None = 1,
    interval_count: int = 1,
    usage_type: str | None = None,
    locale: str = "en",
) -> str:
    """What a price asks per period, as it states it: "€49.00 a month", "5 × €10.00 a month".

    A price without one amount per unit is "priced by tiers", one that counts use "by usage".
    """
    often = period(interval, interval_count)
    if usage_type == "metered":
        often = f"by usage, billed {often.replace('a ', 'every ', 1)}" if often else "by usage"
        quantity = 1
    if unit_amount is None or currency is None:
        return often if usage_type == "metered" else "priced by tiers"
    amount = money(unit_amount, currency, locale=locale)
    if quantity is not None and quantity != 1:
        amount = f"{format_decimal(quantity, locale=_known(locale))} × {amount}"
    return f"{amount} {often}".strip()


def _known(locale: str) -> str:
    try:
        format_decimal(0, locale=locale)
    except (UnknownLocaleError, ValueError):
        return "en"
    return locale
