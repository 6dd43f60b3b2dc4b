"""Files of tables, CSV and XLSX, into sheets of rows: the catalogue's, and larger ones. Pure.

A CSV file holds one table and is UTF-8, with commas or semicolons between cells, as spreadsheets
write it; an XLSX file has a sheet for each table. Rows keep the numbers that a spreadsheet shows.
"""

import csv
import io
import re
from collections.abc import Sequence

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from core.foreign_files import NO_ROWS, foreign_kind
from core.spreadsheets import original
from payments.catalogue.upkeep.sheets.archives import CATALOGUE_LIMITS, TableLimits, checked
from payments.catalogue.upkeep.sheets.cells import Cell, is_blank
from payments.catalogue.upkeep.sheets.columns import TITLES
from payments.catalogue.upkeep.sheets.faults import FileRefused, fault_of_file
from payments.catalogue.upkeep.sheets.intake import Sheet, table_named

#: A file of the catalogue as a whole.
MOST_BYTES = CATALOGUE_LIMITS.file_bytes

_ARCHIVE = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_LONGEST_CELL = 10_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def read_file(
    content: bytes, table: str | None = None, *, limits: TableLimits = CATALOGUE_LIMITS
) -> list[Sheet]:
    """The sheets of a file; which kind of file it is shows in its first bytes.

    `table` says which table a CSV file is, and picks that one sheet of a workbook. Raises
    `FileRefused`.
    """
    if len(content) > limits.file_bytes:
        raise fault_of_file("too_large", f"Tệp tối đa {limits.file_bytes // (1024 * 1024)} MB.")
    if content.startswith(_OLD_EXCEL):
        raise fault_of_file("old_excel", "Đây là tệp Excel đời cũ hoặc có mật khẩu; lưu lại .xlsx.")
    if (foreign := foreign_kind(content)) is not None:
        raise fault_of_file("not_a_table", foreign)
    if content.startswith(_ARCHIVE):
        return _picked(_read_workbook(content, limits), table)
    return [_read_csv(content, table, limits)]


def _picked(sheets: list[Sheet], table: str | None) -> list[Sheet]:
    if table is None:
        return sheets
    found = [sheet for sheet in sheets if table_named(sheet.name) == table]
    if not found:
        raise fault_of_file("no_such_sheet", f"Tệp không có trang {TITLES[table]}.")
    return found


def _read_workbook(content: bytes, limits: TableLimits) -> list[Sheet]:
    try:
        looked_at = checked(content, limits)
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(looked_at.content))
        if workbook.sheet_names != list(looked_at.markings):
            raise ValueError("two readers see different sheets")
        sheets = [
            Sheet(
                one.name,
                _numbered(workbook.get_sheet_by_name(one.name).to_python(skip_empty_area=False)),
                markings=looked_at.markings[one.name],
                is_hidden=one.visible != SheetVisibleEnum.Visible,
            )
            for one in workbook.sheets_metadata
        ]
    except FileRefused:
        raise
    except (CalamineError, ValueError, OSError):
        raise fault_of_file("not_a_workbook", "Không đọc được tệp Excel này.") from None
    if not any(sheet.rows or sheet.markings.formulas for sheet in sheets):
        raise fault_of_file("empty", NO_ROWS)
    for sheet in sheets:
        for number, cells in sheet.rows:
            if any(isinstance(cell, str) and _CONTROL.search(cell) for cell in cells):
                reason = f"Trang {sheet.name}, dòng {number} có ký tự điều khiển."
                raise fault_of_file("control_character", reason)
    return sheets


def _read_csv(content: bytes, table: str | None, limits: TableLimits) -> Sheet:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        reason = f"Dòng {row} không phải UTF-8; hãy lưu lại dạng CSV UTF-8."
        raise fault_of_file("not_utf8", reason) from None
    control = _CONTROL.search(text)
    if control is not None:
        row = text.count("\n", 0, control.start()) + 1
        raise fault_of_file("control_character", f"Dòng {row} có ký tự điều khiển.")
    if not text.strip():
        raise fault_of_file("empty", NO_ROWS)
    rows = _numbered([[original(cell) for cell in row] for row in _parsed(text, limits)])
    for number, cells in rows:
        if len(cells) > limits.workbook.columns or number > limits.workbook.rows:
            raise _too_many(limits)
    return Sheet(TITLES.get(table or "", "CSV"), rows, table)


def _too_many(limits: TableLimits) -> FileRefused:
    most = limits.workbook
    return fault_of_file("too_large", f"Tối đa {most.rows} dòng và {most.columns} cột.")


def _parsed(text: str, limits: TableLimits) -> list[list[str]]:
    """The rows, by the delimiter that gives the first one more cells."""
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;", key=first.count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter):
            if any(len(cell) > _LONGEST_CELL for cell in row):
                raise fault_of_file("too_large", f"Dòng {len(rows) + 1} có ô quá dài.")
            if len(rows) == limits.workbook.rows:
                # Empty ones too: of megabytes of line ends nothing is to be kept.
                raise _too_many(limits)
            rows.append(row)
    except csv.Error:
        reason = f"Dòng {len(rows) + 1} sai dấu ngoặc kép."
        raise fault_of_file("not_csv", reason) from None
    return rows


def _numbered(rows: Sequence[Sequence[Cell]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    return tuple(
        (number, tuple(cells))
        for number, cells in enumerate(rows, start=1)
        if not all(is_blank(cell) for cell in cells)
    )
