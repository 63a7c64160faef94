"""Lists as files for spreadsheets: every matching row, typed, and nothing in it that could run."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from threading import BoundedSemaphore
from typing import Generic, TypeVar

import streamlit as st
import xlsxwriter
from sqlalchemy import Connection
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from billing_core.money import exponent, major_units
from billing_core.permissions import Permission
from console import data, identity

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

ROWS_AT_MOST = 100_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
_CUT = f"Only the first {ROWS_AT_MOST:,} rows are in this file. Narrow the list for the rest."
_LONGEST_TEXT = 32_767  # Excel's own limit for a cell
# A spreadsheet takes a cell that begins so for a formula; one that parts lines at semicolons or
# tabs sees such beginnings inside a quoted cell, too.
_FORMULA = re.compile(r'(^|[;,\t\r\n])(?=["\t\r]*[=+\-@＝＋－＠])')
# Each file is made with Python's one lock held most of the time, and everybody else waits for it.
_MAKING = BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in minor units of its currency; the file has it in major units, as a number."""

    minor: int
    currency: str


Cell = str | int | bool | date | datetime | Amount | None


@dataclass(frozen=True)
class Field(Generic[R_contra]):
    """One column: its heading and its cell for a row. ``width`` is in characters, for XLSX.

    Datetimes are aware and are written in UTC, so a heading of theirs says "(UTC)".
    """

    label: str
    cell: Callable[[R_contra], Cell]
    width: int = 16


@dataclass(frozen=True)
class Export(Generic[R]):
    """A list as a file. ``name`` is the file's name without date and ending.

    ``rows`` begins reading when called and yields a chunk at a time; ``permission`` is asked for
    again at that moment. ``about`` says in words what the list is narrowed to.
    """

    name: str
    title: str
    fields: tuple[Field[R], ...]
    rows: Callable[[], Iterable[R]]
    permission: Permission
    about: str = ""


def buttons(export: Export[R], *, count: int | None = None) -> None:
    """Buttons that make the list's CSV and XLSX files when pressed, and nothing before.

    ``count`` is how many rows match, where that is known: past the cap a sentence says so.
    """
    may = partial(_may, st.context.cookies.get(identity.cookie_name()), export.permission)
    stem = f"{export.name}-{data.now():%Y-%m-%d}"
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        for label, ending, mime, make in (
            ("CSV", "csv", CSV, as_csv),
            ("Excel", "xlsx", XLSX, as_xlsx),
        ):
            st.download_button(
                label,
                partial(_made, make, export, may),
                file_name=f"{stem}.{ending}",
                mime=mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"{export.name}_{ending}",
                help=f"Everything that matches, up to {ROWS_AT_MOST:,} rows",
            )
        if count is not None and count > ROWS_AT_MOST:
            st.text(f"The files hold the first {ROWS_AT_MOST:,} of {count:,} rows.")


def every_row(
    read: Callable[[Connection, str | None], tuple[Sequence[R], str | None]],
) -> Iterator[R]:
    """All rows of a paged query, a page at a time, from one snapshot of the database.

    ``read`` takes a connection and a cursor, and answers a page and the cursor of the next.
    """
    with data.snapshot() as connection:
        cursor: str | None = None
        while True:
            page, cursor = read(connection, cursor)
            yield from page
            if cursor is None:
                return


def as_csv(export: Export[R]) -> bytes:
    """The rows as UTF-8 with the mark by which Excel knows it; text cells cannot be formulas."""
    file = io.BytesIO()
    file.write("\ufeff".encode())
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([field.label for field in export.fields])
    for cells in _cells(export):
        writer.writerow([_csv_value(cell) for cell in cells])
    text.detach()
    return file.getvalue()


def as_xlsx(export: Export[R]) -> bytes:
    """The rows as a workbook: text is text, dates are dates, amounts have their decimals."""
    file = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": export.title})
        styles = _Styles(book)
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", export.title)[:31])
        sheet.freeze_panes(1, 0)
        for column, field in enumerate(export.fields):
            sheet.set_column(column, column, field.width)
            sheet.write_string(0, column, field.label, styles.heading)
        last = 0
        for last, cells in enumerate(_cells(export), start=1):
            for column, cell in enumerate(cells):
                _put(sheet, last, column, cell, styles)
        sheet.autofilter(0, 0, last, max(len(export.fields) - 1, 0))
        if export.about:
            notes = book.add_worksheet("About")
            notes.set_column(0, 0, 100)
            made = f"Made {data.now():%Y-%m-%d %H:%M} UTC. Times are in UTC."
            for row, line in enumerate((export.title, export.about, made)):
                notes.write_string(row, 0, line)
    return file.getvalue()


def _made(make: Callable[[Export[R]], bytes], export: Export[R], may: Callable[[], bool]) -> bytes:
    """The file, if whoever pressed the button may still have it. Raises PermissionError if not."""
    if not may():
        raise PermissionError("whoever asked for the file has left, or has another role by now")
    with _MAKING:
        return make(export)


def _may(session_id: str | None, permission: Permission) -> bool:
    principal = identity.principal_of(session_id)
    return principal is not None and principal.may(permission)


def _cells(export: Export[R]) -> Iterator[list[Cell]]:
    """Each row's cells; past the cap one line says that there was more."""
    rows = iter(export.rows())
    for row in islice(rows, ROWS_AT_MOST):
        yield [field.cell(row) for field in export.fields]
    if next(rows, None) is not None:
        yield [_CUT]


def _csv_value(cell: Cell) -> str | int | Decimal:
    if cell is None:
        return ""
    if isinstance(cell, Amount):
        return major_units(cell.minor, cell.currency)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, date):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, int):
        return cell
    return _FORMULA.sub(r"\1'", cell)


class _Styles:
    """The workbook's cell formats; one for each number of decimals that occurs."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._amounts: dict[int, Format] = {}
        self.heading = book.add_format({"bold": True, "bottom": 1})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.text = book.add_format({"num_format": "@"})

    def amount(self, decimals: int) -> Format:
        """The format of amounts with so many decimals."""
        if decimals not in self._amounts:
            digits = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
            self._amounts[decimals] = self._book.add_format({"num_format": digits})
        return self._amounts[decimals]


def _put(sheet: Worksheet, row: int, column: int, cell: Cell, styles: _Styles) -> None:
    """One cell, by the method of its type: Excel is never left to guess what text means."""
    if cell is None:
        return
    if isinstance(cell, Amount):
        number = major_units(cell.minor, cell.currency)
        sheet.write_number(row, column, number, styles.amount(exponent(cell.currency)))
    elif isinstance(cell, bool):
        sheet.write_boolean(row, column, cell)
    elif isinstance(cell, datetime):
        in_utc = cell.astimezone(UTC).replace(tzinfo=None)
        sheet.write_datetime(row, column, in_utc, styles.moment)
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, styles.day)
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell)
    else:
        sheet.write_string(row, column, cell[:_LONGEST_TEXT], styles.text)
