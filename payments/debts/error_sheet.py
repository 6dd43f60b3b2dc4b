"""A refused list of debts as a workbook: its own rows, the faulty cells marked, and why. Pure.

Whoever sent the file mends it there and sends it again: the column of faults comes last, and is to
be taken out before.
"""

import io
from collections import defaultdict
from datetime import date, datetime
from math import isfinite
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from core.spreadsheets import is_live
from payments.catalogue.upkeep.sheets.cells import Cell, misplaced
from payments.debts.faults import NO_HEADING, DebtFault
from payments.debts.sheets import DebtSheet

#: The heading of the column that says what is wrong.
FAULT_HEADING: Final = "Lỗi"
_SHEET: Final = "Khoản phải nộp"
#: So that the same content gives the same bytes on any day.
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  # the format has no time zone
_MARKED: Final = {"bg_color": "#FFC7CE", "font_color": "#9C0006"}
#: How a spreadsheet shows a cell, by what it holds.
_LOOKS: Final = {"text": "@", "number": "General", "day": "dd/mm/yyyy"}


class _CellFormats:
    """The formats of a workbook, each in plain and in the colour of faults."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self.bold: Format = workbook.add_format({"bold": True})
        self.reason: Format = workbook.add_format({"num_format": "@", "text_wrap": True})
        self._made: dict[tuple[str, bool, bool], Format] = {}
        self._workbook = workbook

    def of(self, look: str, *, is_faulty: bool, quoted: bool = False) -> Format:
        """The format of a cell that looks so."""
        key = (look, is_faulty, quoted)
        if key not in self._made:
            told: dict[str, object] = {"num_format": _LOOKS[look]}
            told |= {"quote_prefix": True} if quoted else {}
            told |= _MARKED if is_faulty else {}
            self._made[key] = self._workbook.add_format(told)
        return self._made[key]


def write_error_sheet(sheet: DebtSheet) -> bytes:
    """The workbook of a file's rows with what is wrong with each; the same file, the same bytes."""
    faults: dict[int, list[DebtFault]] = defaultdict(list)
    for fault in sheet.faults:
        faults[fault.row].append(fault)
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": _SHEET, "created": _MADE_AT})
        formats = _CellFormats(workbook)
        page = workbook.add_worksheet(_SHEET)
        page.freeze_panes(1, 0)
        last = max(len(cells) for _, cells in sheet.rows)
        page.set_column(0, last - 1, 18)
        page.set_column(last, last, 60)
        # The rows stand where they stood, so that numbers in the reasons fit.
        for number, cells in sheet.rows:
            told = faults.get(number, [])
            marked = {sheet.places.get(fault.column) for fault in told}
            if any(fault.code == NO_HEADING for fault in told):
                marked.update(misplaced(cells, sheet.places.values()))
            for place in range(last):
                cell = cells[place] if place < len(cells) else None
                _write(page, number - 1, place, cell, formats, is_faulty=place in marked)
            if told:
                reasons = " ".join(fault.words for fault in told)
                page.write_string(number - 1, last, reasons, formats.reason)
        page.write_string(sheet.rows[0][0] - 1, last, FAULT_HEADING, formats.bold)
    return made.getvalue()


def _write(
    page: Worksheet, row: int, place: int, cell: Cell, formats: _CellFormats, *, is_faulty: bool
) -> None:
    if isinstance(cell, bool) or cell is None:
        cell = "" if cell is None else str(cell)
    if isinstance(cell, float) and not isfinite(cell):
        # A file may say 1E400, which no number of a workbook is.
        cell = str(cell)
    if isinstance(cell, int | float):
        page.write_number(row, place, cell, formats.of("number", is_faulty=is_faulty))
    elif isinstance(cell, date):  # an instant is one too
        at = datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  # the format has no time zone
        page.write_datetime(row, place, at, formats.of("day", is_faulty=is_faulty))
    elif not cell:
        if is_faulty:
            page.write_blank(row, place, None, formats.of("text", is_faulty=True))
    else:
        words = str(cell)
        look = formats.of("text", is_faulty=is_faulty, quoted=is_live(words))
        page.write_string(row, place, words, look)
