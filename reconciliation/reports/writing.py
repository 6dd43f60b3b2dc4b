"""A report as a file: CSV for programs, a workbook for people, SVG, or a page. Pure.

No text in a file is ever calculated (`core.spreadsheets`).
"""

import csv
import io
from typing import Final, Literal

from core.days import day_text
from core.spreadsheets import inert
from reconciliation.reports.charts import draw_chart
from reconciliation.reports.document import write_document
from reconciliation.reports.tables import ReportCell, ReportTable
from reconciliation.workbook_sheets import write_sheets

ReportFormat = Literal["csv", "xlsx", "svg", "html"]

TYPES: Final[dict[ReportFormat, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_EMPTY: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 40" role="img" width="360"'
    ' height="40"><title>Không có số liệu</title><text x="8" y="24" font-size="14"'
    ' fill="#52606d">Không có số liệu</text></svg>'
)


def write_report(table: ReportTable, kind: ReportFormat) -> bytes:
    """The report as a file of that kind; the same figures give the same bytes."""
    if kind == "csv":
        return _csv(table)
    if kind == "xlsx":
        return _workbook(table)
    if kind == "svg":
        return (_EMPTY if table.chart is None else draw_chart(table.chart)).encode()
    return write_document(table).encode()


def _csv(table: ReportTable) -> bytes:
    """The rows under the keys of their columns, and no sums, so that nobody adds them twice."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.key for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _plain(cell: ReportCell) -> str:
    return str(cell) if isinstance(cell, int) else inert(cell or "")


def _workbook(table: ReportTable) -> bytes:
    days = f"{day_text(table.first)} – {day_text(table.last)}"
    facts = [["Báo cáo", table.title_vi], ["Đơn vị", table.agency], ["Thời gian", days]]
    facts += [[name, told] for name, told in table.facts.items()]
    facts += [["Ghi chú", note] for note in table.notes]
    rows = [*table.rows, *((name, *row[1:]) for name, row in table.totals.items())]
    return write_sheets(
        table.title_vi,
        {
            "Số liệu": ([column.vi for column in table.columns], rows),
            "Thuyết minh": (("Mục", "Nội dung"), facts),
        },
    )
