"""Reads a statement in XLSX by the layout of its bank: every row, or none. Pure.

The workbook is looked at before it is read (`core/workbooks.py`): what it unfolds to, how far its
cells reach, what is calculated, what is hidden.
"""

import io
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, replace
from typing import Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from core.foreign_files import NO_ROWS
from core.sheet_markings import Markings, Place, letters_of
from core.workbooks import CheckedWorkbook, WorkbookLimits, WorkbookRefused, checked
from reconciliation.formats import tcvn3
from reconciliation.formats.accounts import named_accounts
from reconciliation.formats.cells import ISO
from reconciliation.formats.headers import Header, MissingColumns, header_among
from reconciliation.formats.limits import AHEAD
from reconciliation.formats.mappings import Mapping, get_mapping
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.row_reader import RowReader, SpoiltCells
from reconciliation.formats.rows import StatementRefused, fault_at, fault_of_file
from reconciliation.formats.statement_file import StatementFile
from reconciliation.formats.xlsx_cells import Role, WorkbookCell, cell_text, is_day, roles_of

#: Of a busy account's months; a spreadsheet takes a million rows, which nobody looks through.
WORKBOOK_LIMITS: Final = WorkbookLimits(
    unpacked=128 * 2**20,
    rows=200_000,
    columns=100,
    cells=3_000_000,
    repeated=512 * 2**20,
    area=8_000_000,
    ratio=100,
)
_TOLD_EVERY: Final = 1_000
#: So many hidden rows are named.
_ROWS_NAMED: Final = 20

Rows = list[tuple[int, Sequence[WorkbookCell]]]


@dataclass(frozen=True, slots=True)
class _StatementSheet:
    """The sheet that is the statement; its texts are in TCVN3 where its heading is."""

    name: str
    is_hidden: bool
    rows: Rows
    header: Header
    is_tcvn3: bool


def read(content: bytes, task: ReadingTask) -> StatementFile:
    """A statement by the layout that the task names. Raises as `csv_statement.read_day_file` does.

    Calculated cells are refused, whatever they show. Days are those that a cell's format makes of
    its number; where some are days and others text, the spreadsheet may have taken months for days,
    and the file is refused. Hidden rows and columns are read, and told in the file's notes.
    """
    return read_by(content, task.layout or get_mapping(task.mapping, task.on), task)


def read_by(content: bytes, mapping: Mapping, task: ReadingTask) -> StatementFile:
    """As `read`, by a given layout. Raises `StatementRefused`."""
    workbook = _checked(content)
    sheet = _statement_sheet(workbook, mapping)
    header = sheet.header
    marked = workbook.markings[sheet.name]
    _refuse_calculated(marked, header)
    # What is a day for the spreadsheet comes with its time and zone.
    dated = replace(mapping, times=(ISO, *mapping.times))
    reading = RowReader(dated, header, task.limits, task.on + AHEAD)
    accounts: list[str] = []
    days: dict[int, bool] = {}
    roles = roles_of(mapping, header.columns)
    day_at = header.columns[mapping.columns["booked_at"]]
    for number, cells in sheet.rows:
        if number == header.row:
            continue
        texts, spoilt = [], {}
        for place, cell in enumerate(cells):
            text, refused = cell_text(cell, roles.get(place, "unread"))
            texts.append(tcvn3.from_cell(text) if sheet.is_tcvn3 else text)
            if refused is not None:
                spoilt[place] = refused
        if number < header.row:
            accounts += named_accounts(texts)
            continue
        while len(texts) > reading.width and not texts[-1].strip():
            texts.pop()  # a row is as wide as its sheet
        reading.take(number, texts, spoilt)
        if reading.rows and reading.rows[-1].line_no == number and day_at < len(cells):
            days[number] = is_day(cells[day_at])
        if task.tell is not None and number % _TOLD_EVERY == 0:
            task.tell(len(reading.rows))
    if not reading.faults:
        refuse_mixed_days(days, mapping.columns["booked_at"])
    notes = _hidden(sheet, marked, [row.line_no for row in reading.rows])
    return reading.statement(accounts, forced=task.forced, notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A row of a sheet below its heading: its number, and its cells as text."""

    number: int
    texts: Sequence[str]
    #: why cells no longer tell what stood there, by their places
    spoilt: SpoiltCells
    #: the places of the cells that the spreadsheet has read as days
    days: frozenset[int] = frozenset()


def cells_by(
    content: bytes, heading: Mapping, roles: Dictionary[str, Role]
) -> tuple[Header, list[SheetLine]]:
    """The heading of a workbook's sheet that has the columns of a layout, and the rows below it.

    `roles` says what each column holds. Raises `StatementRefused`, also where a cell is calculated.
    """
    workbook = _checked(content)
    sheet = _statement_sheet(workbook, heading)
    _refuse_calculated(workbook.markings[sheet.name], sheet.header)
    at = {sheet.header.columns[name]: role for name, role in roles.items()}
    width = len(sheet.header.names)
    lines: list[SheetLine] = []
    for number, cells in sheet.rows:
        if number <= sheet.header.row:
            continue
        read = [cell_text(cell, at.get(place, "unread")) for place, cell in enumerate(cells)]
        texts = [tcvn3.from_cell(text) if sheet.is_tcvn3 else text for text, _ in read]
        while len(texts) > width and not texts[-1].strip():
            texts.pop()  # a row is as wide as its sheet
        spoilt = {place: why for place, (_, why) in enumerate(read) if why is not None}
        days = frozenset(place for place, cell in enumerate(cells) if is_day(cell))
        lines.append(SheetLine(number, texts, spoilt, days))
    return sheet.header, lines


def first_rows(content: bytes, most: int) -> list[tuple[int, list[str]]]:
    """The first rows, as text, of the first sheet that has any. Raises `StatementRefused`."""
    for _, _, rows in _sheets(_checked(content)):
        if rows:
            return list(_texts_of(rows[:most], is_tcvn3=False))
    raise StatementRefused([fault_of_file("empty", NO_ROWS)])


def _checked(content: bytes) -> CheckedWorkbook:
    try:
        return checked(content, WORKBOOK_LIMITS)
    except WorkbookRefused as refused:
        raise StatementRefused([fault_of_file(refused.code, refused.detail)]) from None


def _statement_sheet(workbook: CheckedWorkbook, mapping: Mapping) -> _StatementSheet:
    """The one sheet with the columns of the layout."""
    found: list[_StatementSheet] = []
    closest = MissingColumns(1, list(mapping.names))
    is_empty = True
    for name, is_hidden, rows in _sheets(workbook):
        is_empty = is_empty and not rows
        for is_tcvn3 in (False, True):
            header = header_among(_texts_of(rows, is_tcvn3), mapping, mapping.header_within)
            if isinstance(header, Header):
                # A row is as wide as the sheet, a heading as wide as what it names.
                while not header.names[-1]:
                    header.names.pop()
                found.append(_StatementSheet(name, is_hidden, rows, header, is_tcvn3))
                break
            closest = min(closest, header, key=lambda one: len(one.names))
    if len(found) > 1:
        named = ", ".join(sheet.name for sheet in found)
        detail = f"Tệp có nhiều trang sao kê: {named}; hãy để mỗi trang một tệp."
        raise StatementRefused([fault_of_file("several_sheets", detail)])
    if is_empty:
        raise StatementRefused([fault_of_file("empty", NO_ROWS)])
    if not found:
        raise closest.refusal()
    return found[0]


def _sheets(workbook: CheckedWorkbook) -> Iterator[tuple[str, bool, Rows]]:
    """Of each sheet its name, whether nobody sees it, and its rows."""
    try:
        opened = CalamineWorkbook.from_filelike(io.BytesIO(workbook.content))
        if opened.sheet_names != list(workbook.markings):
            raise ValueError("two readers see different sheets")
        for one in opened.sheets_metadata:
            rows = _rows_of(opened.get_sheet_by_name(one.name))
            yield one.name, one.visible != SheetVisibleEnum.Visible, rows
    except (CalamineError, ValueError, OSError):
        detail = "Không đọc được tệp Excel này."
        raise StatementRefused([fault_of_file("not_a_workbook", detail)]) from None


def _rows_of(sheet: CalamineSheet) -> Rows:
    return list(enumerate(sheet.to_python(skip_empty_area=False), start=1))


def _texts_of(rows: Rows, is_tcvn3: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows as text, one by one: only the first may be a heading."""
    for number, cells in rows:
        texts = [cell_text(cell, "unread")[0] for cell in cells]
        yield number, [tcvn3.from_cell(text) for text in texts] if is_tcvn3 else texts


def _refuse_calculated(marked: Markings, header: Header) -> None:
    """Nobody has checked what a formula shows, and nobody sees from when it is."""
    faults = [
        fault_at(place.row, _named(place, header), "formula", f"ô {place.address} {what}")
        for places, what in (
            (marked.formulas, "là công thức; hãy dán lại dạng Giá trị"),
            (marked.errors, "báo lỗi công thức"),
        )
        for place in sorted(places)
    ]
    if faults:
        raise StatementRefused(faults)


def _named(place: Place, header: Header) -> str:
    columns = {number: name for name, number in header.columns.items()}
    return columns.get(place.column - 1, letters_of(place.column))


def refuse_mixed_days(days: Dictionary[int, bool], column: str) -> None:
    """Raise `StatementRefused` where of a column's cells, by row, some are days and others text."""
    if len(set(days.values())) < 2:
        return
    as_day = next(row for row, one in days.items() if one)
    as_text = next(row for row, one in days.items() if not one)
    detail = (
        f"dòng {as_day} là ngày, dòng {as_text} là chữ: bảng tính có thể đã đổi chỗ ngày và tháng;"
        " hãy xuất lại tệp từ ngân hàng"
    )
    raise StatementRefused([fault_at(as_day, column, "mixed_dates", detail)])


def _hidden(sheet: _StatementSheet, marked: Markings, rows: Sequence[int]) -> Iterator[str]:
    """What nobody sees in the workbook and was read all the same."""
    if sheet.is_hidden:
        yield f"Trang {sheet.name} đang ẩn trong tệp, vẫn được đọc."
    hidden = [row for row in rows if row in marked.hidden_rows]
    if hidden:
        named = ", ".join(map(str, hidden[:_ROWS_NAMED]))
        more = " …" if len(hidden) > _ROWS_NAMED else ""
        yield f"{len(hidden)} dòng đang ẩn trong tệp, vẫn được đọc: {named}{more}."
    columns = [
        name for name, place in sheet.header.columns.items() if marked.hides_column(place + 1)
    ]
    if columns:
        yield f"Cột đang ẩn trong tệp, vẫn được đọc: {', '.join(columns)}."
