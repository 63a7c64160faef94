"""Amounts stand as Stripe's smallest units say, in every currency's own way."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.dates import long_date
from billing_core.money import money, recurring


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "text"),
    [
        (4900, "eur", "en", "€49.00"),
        (4900, "eur", "de", "49,00\xa0€"),
        (5000, "jpy", "en", "¥5,000"),
        (5000, "JPY", "ja", "￥5,000"),
        (1234567, "kwd", "en", "KWD1,234.567"),
        (150, "isk", "en", "ISK1.5"),
        (-100, "gbp", "en", "-£1.00"),
        (0, "usd", "en", "$0.00"),
        (1, "usd", "nonsense", "$0.01"),
        (1999, "xyz", "en", "XYZ19.99"),
    ],
)
def test_an_amount_reads_as_its_currency_is_written(
    amount: int, currency: str, locale: str, text: str
) -> None:
    assert money(amount, currency, locale=locale) == text


@given(st.integers(-(10**15), 10**15), st.text(max_size=5), st.text(max_size=8))
def test_no_amount_currency_or_locale_makes_it_stumble(
    amount: int, currency: str, locale: str
) -> None:
    assert money(amount, currency, locale=locale)


@given(st.integers(0, 10**12))
def test_nothing_is_rounded_away(amount: int) -> None:
    digits = "".join(char for char in money(amount, "usd") if char.isdigit())
    assert int(digits) == amount


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ({"unit_amount": 4900, "interval": "month"}, "€49.00 a month"),
        ({"unit_amount": 49000, "interval": "year"}, "€490.00 a year"),
        ({"unit_amount": 1000, "interval": "month", "quantity": 5}, "5 × €10.00 a month"),
        ({"unit_amount": 1000, "interval": "month", "quantity": None}, "€10.00 a month"),
        ({"unit_amount": 1000, "interval": "month", "quantity": 0}, "0 × €10.00 a month"),
        ({"unit_amount": 1000, "interval": "month", "interval_count": 3}, "€10.00 every 3 months"),
        ({"unit_amount": None, "interval": "month"}, "priced by tiers"),
        ({"unit_amount": 1000, "interval": None}, "€10.00"),
        (
            {"unit_amount": 10, "interval": "month", "usage_type": "metered", "quantity": None},
            "€0.10 by usage, billed every month",
        ),
        ({"unit_amount": None, "interval": None, "usage_type": "metered"}, "by usage"),
    ],
)
def test_a_price_is_told_as_it_states_itself(given_: dict[str, object], text: str) -> None:
    assert recurring(currency="eur", **given_) == text  # type: ignore[arg-type]


def test_a_day_is_the_viewers_day() -> None:
    late = datetime(2026, 8, 13, 23, 30, tzinfo=UTC)
    assert long_date(late) == "13 August 2026"
    assert long_date(late, ZoneInfo("Europe/Berlin")) == "14 August 2026"
    assert long_date(late, locale="de") == "13. August 2026"
