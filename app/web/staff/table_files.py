"""A table of staff's pages as a file, CSV or XLSX, in the language of the page.

No text in a file is ever calculated (`core.spreadsheets`).
"""

import csv
import io
from datetime import date, datetime
from typing import Final, Literal

from app.web.staff.tables import CellKind, CellValue, ShownTable
from app.web.translations import Words
from core.clock import VIETNAM
from core.spreadsheets import inert
from core.unseen import without_unseen
from payments.catalogue.rules.wording import LocalizedText
from reconciliation.workbook_sheets import write_sheets

TableFormat = Literal["csv", "xlsx"]

TYPES: Final[dict[TableFormat, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def write_table(table: ShownTable, title: str, kind: TableFormat, words: Words) -> bytes:
    """The rows of a table under their headings; amounts, counts and rates are numbers."""
    headings = [str(words.say(column.title)) for column in table.columns]
    kinds = [column.kind for column in table.columns]
    rows = [
        [_told(cell, of, words) for cell, of in zip(row.cells, kinds, strict=True)]
        for row in table.rows
    ]
    if kind == "xlsx":
        return write_sheets(title, {"1": (headings, rows)})
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    for cells in rows:
        writer.writerow(
            [one if isinstance(one, int | float) else inert(one or "") for one in cells]
        )
    return text.getvalue().encode("utf-8-sig")


def _told(cell: CellValue, kind: CellKind, words: Words) -> str | int | float | None:
    if kind == "tenths" and isinstance(cell, int):
        return cell / 10
    if cell is None or isinstance(cell, int):
        return cell
    if isinstance(cell, LocalizedText):
        return without_unseen(cell.vi if words.language == "vi" else cell.en)
    if isinstance(cell, datetime):
        return cell.astimezone(VIETNAM).isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(words.say(cell)) if kind == "words" else without_unseen(cell)
