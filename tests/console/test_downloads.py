"""Files that finance downloads in a real browser: whole, typed, and for nobody else."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from billing_core.database import reader
from tests.console.browsing import fresh, idle, sign_in
from tests.console.serving import COOKIE, Console, running_console
from tests.core.company import Company, price
from tests.support import patient
from tests.support.databases import fresh_sqlite
from webhook_listener.database import writer_engine

LEAVING = 104  # more than one page of the list
COMMENT = '=HYPERLINK("http://evil.example","click")'


def _leave(company: Company, org_id: str, *prices: object, days: int) -> dict[str, object]:
    made = company.subscribe(org_id, *prices)  # type: ignore[arg-type]
    company.later(minutes=1)
    return company.change(
        made,
        cancel_at=int((datetime.now(UTC) + timedelta(days=days)).timestamp()),
        canceled_at=int(company.now.timestamp()),
        cancellation_details={"reason": None, "feedback": "unused", "comment": COMMENT},
    )


@pytest.fixture(scope="module")
def finance(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console over many who leave, and two who changed their mind."""
    folder = tmp_path_factory.mktemp("finance")
    url = fresh_sqlite(folder, sqlite_template)
    company = Company(writer_engine(url), reader(url))
    company.now = datetime.now(UTC) - timedelta(days=20)
    for number in range(LEAVING):
        yen = price("pro_monthly_jpy", amount=5000, currency="jpy")
        _leave(company, f"org_{number}", *([yen] if number % 4 else []), days=3 + number)
    for number in range(2):
        made = _leave(company, f"org_back_{number}", days=40)
        company.later(days=2)
        company.change(made, cancel_at=None, canceled_at=None, cancellation_details={})
    with running_console(folder / "console", DATABASE_URL=url) as console:
        yield console
    company.engine.dispose()


@pytest.fixture(scope="module")
def page(browser: Browser, finance: Console) -> Iterator[Page]:
    """Finance, signed in."""
    page = browser.new_page(accept_downloads=True)
    sign_in(page, f"{finance.url}/winding-down", "finance")
    yield page
    page.close()


def _file(page: Page, button: str) -> bytes:
    idle(page)
    with page.expect_download(timeout=30_000) as download:
        fresh(page.get_by_role("button", name=button)).first.click()
    return Path(download.value.path()).read_bytes()


def _lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_csv_has_everybody_who_matches_and_not_only_the_page_shown(
    page: Page, finance: Console
) -> None:
    page.goto(f"{finance.url}/winding-down")
    lines = _lines(_file(page, "CSV"))
    assert len(lines) == LEAVING
    assert {line["Organization id"] for line in lines} == {f"org_{n}" for n in range(LEAVING)}
    assert {line["Comment"] for line in lines} == {f"'{COMMENT}"}
    euros = [line for line in lines if line["Currency"] == "EUR"]
    assert len(euros) == LEAVING // 4
    assert {line["Recurring amount"] for line in euros} == {"49.00"}
    page.goto(f"{finance.url}/winding-down?currency=eur")
    assert len(_lines(_file(page, "CSV"))) == LEAVING // 4


def test_the_workbook_is_typed_and_says_what_it_was_narrowed_to(
    page: Page, finance: Console
) -> None:
    page.goto(f"{finance.url}/winding-down?currency=jpy")
    book = openpyxl.load_workbook(io.BytesIO(_file(page, "Excel")))
    sheet, about = book.worksheets
    heading = [cell.value for cell in sheet[1]]
    first = dict(zip(heading, sheet[2], strict=True))
    assert sheet.max_row == 1 + LEAVING - LEAVING // 4
    assert first["Ends (UTC)"].data_type == "d"
    amount = first["Recurring amount"]
    assert (amount.value, amount.number_format) == (5000, "#,##0")
    assert (first["Comment"].data_type, first["Comment"].value) == ("s", COMMENT)
    assert about["A2"].value == "Leaving. Currency: jpy."


def test_each_view_has_its_files(page: Page, finance: Console) -> None:
    page.goto(f"{finance.url}/winding-down?view=undone")
    undone = _lines(_file(page, "CSV"))
    assert {line["Organization id"] for line in undone} == {"org_back_0", "org_back_1"}
    assert {line["Seconds until undone"] for line in undone} == {str(2 * 86_400)}
    page.goto(f"{finance.url}/winding-down?view=when")
    months = _lines(_file(page, "CSV"))
    assert sum(int(line["Organizations"]) for line in months) == LEAVING
    page.goto(f"{finance.url}/winding-down?view=why")
    plans = _lines(_file(page, "CSV"))
    assert sum(int(line["Organizations"]) for line in plans) == LEAVING


def test_a_file_that_was_made_is_refused_to_whoever_is_not_signed_in(
    page: Page, finance: Console
) -> None:
    page.goto(f"{finance.url}/winding-down")
    idle(page)
    with page.expect_download(timeout=30_000) as download:
        fresh(page.get_by_role("button", name="CSV")).first.click()
    address = download.value.url
    assert "/media/" in address
    refused = patient.get(address, follow_redirects=False)
    assert refused.status_code == 303
    assert "/signin" in refused.headers["location"]
    cookie = {COOKIE: finance.session_of("finance")}
    assert patient.get(address, cookies=cookie, follow_redirects=False).status_code == 200


def test_the_chosen_view_is_in_the_address_and_the_other_filters_stay(
    page: Page, finance: Console
) -> None:
    page.goto(f"{finance.url}/winding-down?currency=eur")
    idle(page)
    page.get_by_role("radio", name="By date").or_(
        page.get_by_role("button", name="By date")
    ).first.click()
    expect(fresh(page.get_by_text("Leaving by month"))).to_be_visible()
    expect(page).to_have_url(re.compile("view=when"))
    expect(page).to_have_url(re.compile("currency=eur"))
