"""What finance sees of those who leave: every total agrees with the raw rows under every filter."""

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from billing_core import queries
from billing_core.database import reader
from billing_core.queries import LeavingFilters
from console.winding_filters import month_bounds, months
from tests.console.watching import Desk, desk, visible
from tests.core.company import CONFIG, Company, price
from tests.support.databases import fresh_sqlite
from webhook_listener.database import writer_engine

NOW = datetime(2026, 6, 15, tzinfo=UTC)
RAW = """
    SELECT e.org_id, e.plan, e.currency, e.interval, s.interval_count, e.unit_amount, e.quantity,
           e.ends_at, s.cancellation_feedback AS feedback, s.cancellation_reason AS reason
    FROM plan_entitlements e JOIN subscriptions s USING (subscription_id)
    WHERE e.ends_at IS NOT NULL
"""
FILTERS: list[dict[str, Any]] = [
    {},
    {"plan": "pro"},
    {"plan": "team", "currency": "eur"},
    {"currency": "jpy"},
    {"interval": "year"},
    {"feedback": "too_expensive"},
    {"feedback": ""},
    {"reason": "payment_failed"},
    {"month": "2026-07"},
    {"month": "2026-08", "interval": "month", "plan": "pro"},
]


def _winding_down() -> None:
    from console.pages.winding_down import page

    page()


@pytest.fixture
def company(tmp_path: Path, sqlite_template: Path) -> Company:
    url = fresh_sqlite(tmp_path, sqlite_template)
    return Company(writer_engine(url), reader(url))


def _leave(company: Company, org_id: str, ends_at: datetime, *prices: Any, **more: Any) -> None:  # noqa: ANN401
    details = {"reason": more.pop("reason", None), "feedback": more.pop("feedback", None)}
    made = company.subscribe(org_id, *prices, **more)
    ends = int(ends_at.timestamp())
    company.change(made, cancel_at=ends, cancellation_details={**details, "comment": None})


def _fill(company: Company, seed: int) -> None:
    some = random.Random(seed)
    for number in range(80):
        key = some.choice(("pro_monthly", "team_monthly", "unheard_of"))
        currency, interval = some.choice(("eur", "usd", "jpy")), some.choice(("month", "year"))
        count, amount = some.choice((1, 1, 3)), some.choice((4900, 12345, None))
        name = f"price_{key}_{currency}_{interval}_{count}_{amount}"
        paid = price(
            key,
            price_id=name,
            amount=amount,
            currency=currency,
            interval=interval,
            interval_count=count,
        )
        _leave(
            company,
            f"org_{number}",
            NOW + timedelta(hours=some.randint(-300, 2400)),
            paid,
            quantity=some.choice((1, 7, None)),
            feedback=some.choice((None, "too_expensive", "unused")),
            reason=some.choice(("cancellation_requested", "payment_failed")),
        )


def _expected(rows: pd.DataFrame, wanted: dict[str, Any]) -> dict[tuple[str, str, int], list[int]]:
    for name, value in wanted.items():
        if name == "month":
            rows = rows[rows["ends_at"].str[:7] == value]
        else:
            rows = rows[rows[name].isna() if value == "" else rows[name] == value]
    amounts = rows["unit_amount"] * rows["quantity"]
    grouped = rows.assign(amount=amounts).groupby(["currency", "interval", "interval_count"])
    expected = {}
    for _, group in grouped:
        first = group.iloc[0]
        period = (str(first["currency"]), str(first["interval"]), int(first["interval_count"]))
        without = int(group["amount"].isna().sum())
        expected[period] = [len(group), int(group["amount"].sum()), without]
    return expected


@pytest.mark.parametrize("seed", [1, 2])
def test_every_total_is_what_pandas_sums_from_the_raw_rows_under_every_filter(
    company: Company, tmp_path: Path, seed: int
) -> None:
    _fill(company, seed)
    with closing(sqlite3.connect(tmp_path / "billing.sqlite3")) as connection:
        rows = pd.read_sql_query(RAW, connection)
    for wanted in FILTERS:
        given = dict(wanted)
        if month := given.pop("month", None):
            given["ends_from"], given["ends_before"] = month_bounds(month, UTC)
        with company.reader.connect() as snapshot:
            found = queries.winding_down(
                snapshot, LeavingFilters(**given), now=NOW, limit=200, config=CONFIG
            )
        totals = {
            (t.currency, t.interval, t.interval_count): [
                t.organizations,
                t.amount,
                t.without_amount,
            ]
            for t in found.totals
        }
        assert totals == _expected(rows, wanted), wanted
        assert len(found.rows) == sum(counts[0] for counts in totals.values())


def test_filters_in_the_address_narrow_the_list_and_its_totals(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    _leave(company, "org_euro", soon, price(), feedback="unused")
    yen = price("pro_monthly_jpy", amount=5000, currency="jpy")
    _leave(company, "org_yen", soon + timedelta(days=70), yen)
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    month = f"{soon:%Y-%m}"
    for query, there, away in (
        ({"currency": "eur"}, "org_euro", "org_yen"),
        ({"currency": "jpy"}, "org_yen", "org_euro"),
        ({"reason": "unused"}, "org_euro", "org_yen"),
        ({"reason": "none"}, "org_yen", "org_euro"),
        ({"month": month}, "org_euro", "org_yen"),
    ):
        seen = _seen(at_desk, query)
        assert "1 organization" in seen
        assert there in seen
        assert away not in seen
    assert "Nobody who is set to leave matches." in _seen(at_desk, {"plan": "team"})
    assert "2 organizations" in _seen(at_desk, {"currency": "xxx", "month": "nonsense"})


def _seen(at_desk: Desk, query: dict[str, str]) -> str:
    at = at_desk.open(_winding_down, **query)
    assert not at.exception
    return visible(at)


def test_a_month_begins_and_ends_where_the_viewer_is_and_december_leads_to_january() -> None:
    begin, end = month_bounds("2026-12", UTC)
    assert (begin, end) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    offered = list(months(NOW, UTC))
    assert (offered[0], offered[1], offered[-1]) == ("2026-05", "2026-06", "2027-06")
