"""What finance sees of those who leave: every total agrees with the raw rows under every filter."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from billing_core.database import reader
from console import exporting
from console.exporting import Export
from console.winding_filters import month_bounds, months
from tests.console.watching import Desk, desk, visible
from tests.core.company import Company, price
from tests.support.databases import fresh_sqlite
from webhook_listener.database import writer_engine

NOW = datetime(2026, 6, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def _winding_down() -> None:
    from console.pages.winding_down import page

    page()


def _overview() -> None:
    from console.pages.overview import page

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
    assert "Nobody in this list matches the filters." in _seen(at_desk, {"plan": "team"})
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


def test_a_senseless_period_is_the_usual_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    for period in ("abc", "-1", "9" * 30):
        assert "Nobody's access ended" in _seen(at_desk, {"view": "ended", "period": period})


def test_a_filter_that_a_view_does_not_have_neither_narrows_it_nor_is_told_in_its_file(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Export[Any]] = []
    monkeypatch.setattr(exporting, "buttons", lambda export, **_: made.append(export))
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    elsewhere = {"month": f"{datetime.now(UTC):%Y-%m}", "plan": "nonsense"}
    assert "Nobody's access ended" in _seen(at_desk, {"view": "ended", **elsewhere})
    _leave(company, "org_late", datetime.now(UTC) - timedelta(days=1), price())
    assert "org_late" in _seen(at_desk, {"view": "overdue", "period": "30", **elsewhere})
    assert [export.about for export in made] == ["Overdue."]
    made.clear()
    assert "org_late" in _seen(at_desk, {"plan": "pro", "period": "30"})
    assert [export.about for export in made] == ["Leaving. Plan: Pro."]


def test_the_file_counts_days_as_the_list_does(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the calendar: the day after tomorrow is in two days even where 48 hours are not left."""
    made: list[Export[Any]] = []
    monkeypatch.setattr(exporting, "buttons", lambda export, **_: made.append(export))
    now = datetime.now(UTC)
    _leave(company, "org_soon", datetime(now.year, now.month, now.day, 0, 1, tzinfo=UTC) + 2 * DAY)
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    assert "in 2 days" in _seen(at_desk, {})
    (row,) = made[0].rows()
    cells = {field.label: field.cell(row) for field in made[0].fields}
    assert cells["Days left"] == 2


def test_each_view_tells_its_part_and_an_empty_one_says_what_would_be_there(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    assert "No cancellation was undone in this period." in _seen(at_desk, {"view": "undone"})
    assert "Nobody is overdue." in _seen(at_desk, {"view": "overdue"})
    assert "Nobody's access ended in this period." in _seen(at_desk, {"view": "ended"})
    company.now = datetime.now(UTC) - timedelta(days=9)
    _leave(company, "org_late", datetime.now(UTC) - timedelta(days=1), price(), feedback="unused")
    made = company.subscribe("org_back")
    left = company.subscribe("org_left")
    company.later(days=1)
    made = company.change(made, cancel_at=int((company.now + timedelta(days=30)).timestamp()))
    company.later(days=3)
    company.change(made, cancel_at=None)
    over = {**left, "status": "canceled", "ended_at": int(company.now.timestamp())}
    company.event("customer.subscription.deleted", over)
    undone = _seen(at_desk, {"view": "undone"})
    assert "org_back" in undone
    assert "after 3 days" in undone
    assert "Still staying" in undone
    assert "org_late" in _seen(at_desk, {"view": "overdue"})
    ended = _seen(at_desk, {"view": "ended", "period": "30"})
    assert "Customers whose access has ended." in ended
    assert "Customers who keep access" not in ended
    assert "OrganizationEndedAsked for" in ended
    assert "org_left" in ended
    assert "Recurring amounts that ended" in ended
    by_date = _seen(at_desk, {"view": "when", "by": "week"})
    assert "Overdue1€49.00 a month" in by_date
    assert "Not used enough1€49.00 a month" in _seen(at_desk, {"view": "why"})
    assert "1 organization" in _seen(at_desk, {"view": "nonsense", "by": "century"})


def test_the_overview_shows_each_role_its_own_job(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.now = datetime.now(UTC) - timedelta(days=9)
    _leave(company, "org_late", datetime.now(UTC) - timedelta(days=1), price())
    at_desk = desk(monkeypatch, company.reader)
    groups = {
        "support": "Customers to help",
        "finance": "Revenue that leaves",
        "ops": "Whether this can be trusted",
    }
    for role, own in groups.items():
        at_desk.sit(role)
        seen = visible(at_desk.open(_overview))
        assert [title for title in groups.values() if title in seen] == [own]
    at_desk.sit("admin")
    at = at_desk.open(_overview)
    assert all(title in visible(at) for title in groups.values())
    pictures = "".join(element.proto.body for element in at.get("html"))
    assert 'aria-label="The last 30 days, at the end of the day: from 0 to 1' in pictures


def test_a_tile_about_who_leaves_leads_to_the_list_that_it_counts(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    company.now = now - timedelta(days=60)
    for days in (3, 6, 9, 30):
        _leave(company, f"org_in_{days}", now + timedelta(days=days), price())
    for back in (40, 5):
        made = company.subscribe(f"org_back_{back}", price())
        made = company.change(made, cancel_at=int((now + timedelta(days=30)).timestamp()))
        company.now = now - timedelta(days=back)
        company.change(made, cancel_at=None)
    company.now = now - timedelta(days=29, hours=23)
    _leave(company, "org_in_40", now + timedelta(days=40), price())
    at_desk = desk(monkeypatch, company.reader)
    at_desk.sit("finance")
    html = "".join(element.proto.body for element in at_desk.open(_overview).get("html"))
    tile = r'<a href="/winding-down\?([^"]*)"[^>]*>(\d+)</a></div><div class="bc-label">([^<]+)'
    tiles = {label: (query, int(count)) for query, count, label in re.findall(tile, html)}
    for label, count, told in (
        ("Leaving soon", 2, "2 organizations"),
        ("Cancellations undone", 1, "1 undone cancellation"),
        ("Cancellations begun", 1, "1Begun"),
    ):
        query, counted = tiles[label]
        assert counted == count
        assert told in _seen(at_desk, dict(parse_qsl(unescape(query))))
