"""Sheets of a workbook that people read and nothing reads back. Pure.

The same rows give the same bytes. Every text is written as text.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime

import xlsxwriter

from core.spreadsheets import is_live

#: So that the same content gives the same bytes on any day.
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  # the format has no time zone

Rows = Sequence[Sequence[object]]


def write_sheets(title: str, sheets: Mapping[str, tuple[Sequence[str], Rows]]) -> bytes:
    """A workbook of these sheets, each with its headings above its rows.

    Whole numbers are numbers with grouped digits, others have one decimal, None is an empty cell,
    anything else is text.
    """
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": title, "created": _MADE_AT})
        bold = workbook.add_format({"bold": True})
        number = workbook.add_format({"num_format": "#,##0"})
        tenths = workbook.add_format({"num_format": "#,##0.0"})
        plain = workbook.add_format({"num_format": "@"})
        live = workbook.add_format({"num_format": "@", "quote_prefix": True})
        for name, (headings, rows) in sheets.items():
            sheet = workbook.add_worksheet(name)
            sheet.set_column(0, len(headings) - 1, 24)
            sheet.freeze_panes(1, 0)
            for place, heading in enumerate(headings):
                sheet.write_string(0, place, heading, bold)
            for row, cells in enumerate(rows, start=1):
                for place, cell in enumerate(cells):
                    if isinstance(cell, int):
                        sheet.write_number(row, place, cell, number)
                    elif isinstance(cell, float):
                        sheet.write_number(row, place, cell, tenths)
                    elif cell is not None:
                        words = str(cell)
                        sheet.write_string(row, place, words, live if is_live(words) else plain)
    return made.getvalue()
