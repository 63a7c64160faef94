"""Lists as files: what a spreadsheet program finds in them, and who gets none."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_core.permissions import Permission
from console import exporting, identity
from console.exporting import Amount, Export, Field, as_csv, as_xlsx
from tests.console.watching import principal

AT = datetime(2026, 8, 14, 11, 30, 7, tzinfo=timezone(timedelta(hours=2)))
HOSTILE = ('=HYPERLINK("http://evil.example","x")', "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1")


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    amount: Amount | None = None
    seats: int | None = None


FIELDS = (
    Field[Line]("Name", lambda line: line.name),
    Field[Line]("Amount", lambda line: line.amount),
    Field[Line]("Currency", lambda line: line.amount.currency.upper() if line.amount else None),
    Field[Line]("Seats", lambda line: line.seats),
    Field[Line]("Ends (UTC)", lambda _: AT),
    Field[Line]("Day", lambda _: date(2026, 8, 14)),
    Field[Line]("Overdue", lambda _: True),
)


def export(*lines: Line, about: str = "") -> Export[Line]:
    return Export(
        "winding-down",
        "Winding down",
        FIELDS,
        lambda: iter(lines),
        Permission.READ_WINDING_DOWN,
        about,
    )


def csv_rows(content: bytes, delimiter: str = ",") -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter))


def test_excel_finds_dates_as_dates_and_amounts_as_numbers_with_their_currencys_decimals() -> None:
    made = as_xlsx(
        export(
            Line("Acme", Amount(4900, "eur"), 3),
            Line("Yen", Amount(5000, "jpy")),
            Line("Dinar", Amount(12345, "kwd")),
            Line("Tiers"),
            about="Plan: Pro",
        )
    )
    book = openpyxl.load_workbook(io.BytesIO(made))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == [field.label for field in FIELDS]
    acme = sheet[2]
    assert [cell.data_type for cell in acme] == ["s", "n", "s", "n", "d", "d", "b"]
    assert acme[4].value == datetime(2026, 8, 14, 9, 30, 7)  # noqa: DTZ001 - Excel knows no zones
    amounts = [(row[1].value, row[1].number_format, row[2].value) for row in sheet.iter_rows(2)]
    assert amounts == [
        (49, "#,##0.00", "EUR"),
        (5000, "#,##0", "JPY"),
        (12.345, "#,##0.000", "KWD"),
        (None, "General", None),
    ]
    assert book.worksheets[1]["A2"].value == "Plan: Pro"


def test_the_csv_is_marked_as_unicode_and_names_amounts_in_major_units() -> None:
    rows = csv_rows(as_csv(export(Line("Zoë ⚙", Amount(4905, "eur"), 3), Line("Tiers"))))
    assert rows[1] == ["Zoë ⚙", "49.05", "EUR", "3", "2026-08-14 09:30:07", "2026-08-14", "yes"]
    assert rows[2][:4] == ["Tiers", "", "", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_formula_or_a_link(text: str) -> None:
    cell = openpyxl.load_workbook(io.BytesIO(as_xlsx(export(Line(text))))).worksheets[0]["A2"]
    assert (cell.data_type, cell.value, cell.hyperlink) == ("s", text, None)
    assert csv_rows(as_csv(export(Line(text))))[1][0][0] == "'"


@settings(deadline=None)
@given(text=st.text(alphabet="=+-@;,\t\r\n \"'a1", max_size=12), delimiter=st.sampled_from(",;\t"))
def test_no_cell_begins_like_a_formula_wherever_a_program_parts_the_line(
    text: str, delimiter: str
) -> None:
    """Where a comma is the decimal sign, Excel parts lines at semicolons, quoted or not."""
    content = as_csv(export(Line(text))).decode("utf-8-sig")
    quoted_wrongly = content.replace('"', "")
    for line in quoted_wrongly.splitlines():
        for cell in line.split(delimiter):
            assert not cell.startswith(("=", "+", "-", "@"))


@settings(deadline=None)
@given(text=st.text(min_size=1, max_size=40))
def test_whatever_the_text_is_the_workbook_holds_it_as_text(text: str) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx(export(Line(text))))).worksheets[0]
    assert sheet["A2"].data_type == "s"


def test_a_file_is_cut_at_the_cap_says_so_and_reads_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "ROWS_AT_MOST", 3)
    read = []

    def lines() -> Iterator[Line]:
        for number in range(1000):
            read.append(number)
            yield Line(f"org_{number}")

    endless = Export("l", "L", FIELDS, lines, Permission.READ_WINDING_DOWN)
    rows = csv_rows(as_csv(endless))
    assert [row[0] for row in rows[1:4]] == ["org_0", "org_1", "org_2"]
    assert rows[4][0].startswith("Only the first")
    assert len(read) == 4
    whole = Export(
        "l", "L", FIELDS, lambda: [Line("a"), Line("b"), Line("c")], Permission.READ_WINDING_DOWN
    )
    assert len(csv_rows(as_csv(whole))) == 4


def test_whoever_lost_the_role_since_the_page_was_shown_gets_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def may() -> bool:
        return exporting._may("a session", Permission.READ_WINDING_DOWN)

    monkeypatch.setattr(identity, "principal_of", lambda _: principal("finance"))
    assert exporting._made(as_csv, export(Line("Acme")), may)
    for now in (principal("support"), None):
        monkeypatch.setattr(identity, "principal_of", lambda _, now=now: now)
        with pytest.raises(PermissionError):
            exporting._made(as_csv, export(Line("Acme")), may)


def test_amounts_keep_every_digit() -> None:
    rows = csv_rows(as_csv(export(Line("Big", Amount(123456789012345678, "usd")))))
    assert Decimal(rows[1][1]) == Decimal("1234567890123456.78")
    assert AT.astimezone(UTC).hour == 9
