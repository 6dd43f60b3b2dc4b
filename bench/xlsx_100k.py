"""How long a statement of 100,000 rows in XLSX is read, beside the bare reader of its cells.

Both are given the same bytes in the same run, by turns. The floor opens the workbook and makes
Python values of its cells, and does nothing else: no limits, no amounts, no days, no sums.
"""

import io
import statistics
import time
from collections.abc import Callable
from datetime import date

import xlsxwriter
from python_calamine import CalamineWorkbook

from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement

ROWS = 100_000
TURNS = 3
ON = date(2026, 11, 2)
HEADER = ("Ngày hạch toán", "Số tham chiếu", "Nội dung", "Phát sinh nợ", "Phát sinh có", "Số dư")


def run() -> dict[str, object]:
    """Seconds for the whole file, the median of a few turns."""
    content = _workbook()
    task = ReadingTask("kbnn-so-phu", ON)
    taken: dict[str, list[float]] = {"ours": [], "floor": []}
    for _ in range(TURNS):
        taken["ours"].append(_seconds(lambda: len(read_statement(content, task).rows)))
        taken["floor"].append(_seconds(lambda: _bare(content)))
    ours, floor = (statistics.median(taken[name]) for name in ("ours", "floor"))
    return {
        "name": "xlsx_100k",
        "value": round(ours, 2),
        "unit": "s",
        "floor": round(floor, 2),
        "floor_what": "python-calamine, cells to Python values",
        "ratio": round(ours / floor, 2),
        "peers": {},
        "rows": ROWS,
        "megabytes": round(len(content) / 2**20, 1),
    }


def _seconds(work: Callable[[], int]) -> float:
    begun = time.perf_counter()
    assert work() >= ROWS
    return time.perf_counter() - begun


def _bare(content: bytes) -> int:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return len(workbook.get_sheet_by_index(0).to_python(skip_empty_area=False))


def _workbook() -> bytes:
    """A treasury's statement: days as days, amounts as numbers, and its sums at the end."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        total = 0
        for row in range(1, ROWS + 1):
            amount = 1_000 * (1 + row % 997)
            total += amount
            sheet.write_datetime(row, 0, ON, day)
            sheet.write_string(row, 1, f"FT26306{row:06}")
            sheet.write_string(row, 2, f"NOP LE PHI LPAAAAAAAAABFE HO SO {row}")
            sheet.write_number(row, 4, amount)
            sheet.write_number(row, 5, total)
        sheet.write_row(ROWS + 1, 0, ["Cộng phát sinh", "", "", 0, total])
        sheet.write_row(ROWS + 2, 0, ["Số giao dịch", ROWS])
    return made.getvalue()
