"""Workbooks of our own making, and what is done to them inside."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime

import xlsxwriter

#: A formula with what it shows.
Formula = tuple[str, float]
Cell = str | int | float | bool | date | datetime | Formula | None

TREASURY = ("Ngày hạch toán", "Số tham chiếu", "Nội dung", "Phát sinh nợ", "Phát sinh có", "Số dư")


def workbook(*sheets: Sequence[Sequence[Cell]], hidden_rows: Sequence[int] = ()) -> bytes:
    """A workbook with these rows; rows to hide count from 1, in every sheet."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        for rows in sheets:
            sheet = book.add_worksheet()
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, tuple):
                        sheet.write_formula(row, column, cell[0], None, cell[1])
                    elif isinstance(cell, datetime | date):
                        sheet.write_datetime(row, column, cell, day)
                    elif isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    else:
                        sheet.write(row, column, cell)
            for number in hidden_rows:
                sheet.set_row(number - 1, None, None, {"hidden": True})
    return made.getvalue()


def treasury(*lines: Sequence[Cell], hidden_rows: Sequence[int] = ()) -> bytes:
    """A treasury's statement with its sums; of each line day, reference, words, debit, credit."""
    sums = [sum(cell for one in lines if isinstance(cell := one[at], int)) for at in (3, 4)]
    return workbook(
        [
            TREASURY,
            *lines,
            ["Cộng phát sinh", "", "", *sums],
            ["Số giao dịch", len(lines)],
        ],
        hidden_rows=hidden_rows,
    )


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """A workbook with one of its parts in other words, or a further one."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info.filename))
        new.writestr(name, part)
    return made.getvalue()


def part_of(content: bytes, name: str) -> bytes:
    """One of a workbook's parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)
