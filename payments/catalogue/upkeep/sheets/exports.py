"""The catalogue's tables as files for a spreadsheet, which `files` reads back. Pure.

Nothing in a file may become a formula: every text of a workbook is written as text, and a CSV cell
that a spreadsheet could calculate gets an apostrophe before it. In a workbook such a text has the
apostrophe as its cell's own mark, so that it stays text when somebody goes through the cell.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from core.spreadsheets import inert, is_live
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.reliefs import Ground
from payments.catalogue.upkeep.entries import Entry
from payments.catalogue.upkeep.sheets.archives import MOST_ROWS
from payments.catalogue.upkeep.sheets.cells import Cell, said
from payments.catalogue.upkeep.sheets.columns import (
    COLUMNS,
    GUIDE,
    TITLES,
    SheetColumn,
    cells_of,
    columns_for,
)

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: So that the same catalogue gives the same bytes on any day.
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  # the format has no time zone
_WIDTHS = {"number": 16, "date": 14, "text": 18}
_WIDE = {"name_vi": 44, "name_en": 40, "title_vi": 50, "title_en": 44, "basis": 36, "source": 44,
         "steps": 26, "fees": 40, "issuer": 28}  # fmt: skip

_GUIDE = (
    "Danh mục thủ tục, phí, lệ phí: xuất ra để sửa rồi nộp lại.",
    "",
    "1. Mỗi trang là một bảng; giữ nguyên dòng tiêu đề, đủ các cột, thứ tự cột tùy ý.",
    "2. Dòng nào không sửa thì để nguyên hoặc xóa khỏi tệp; xóa dòng không xóa khỏi danh mục.",
    "3. Mức đã có hiệu lực thì không sửa. Muốn đổi mức: ghi ngày cuối vào cột Hiệu lực đến hết"
    " ngày của dòng cũ, rồi thêm dòng mới cùng mã với Hiệu lực từ ngày là ngày kế tiếp.",
    "4. Tên, nguồn, độ chắc chắn, ngày đối chiếu, căn cứ và tiểu mục thì sửa được bất cứ lúc nào.",
    "5. Ngày ghi dd/mm/yyyy. Số tiền là số đồng nguyên: 2000 hoặc 2.000; mức dưới 1.000 đồng phải"
    " ghi dạng văn bản. Ô để trống là không có.",
    "6. Các bậc ghi: từ đơn vị thứ mấy, hai chấm, mức thu; các bậc cách nhau bằng dấu chấm phẩy,"
    " ví dụ 1: 2000; 3: 1000.",
    "7. Tỷ lệ ghi dạng văn bản, ví dụ 0,15 là 0,15 %. Nhiều mã cách nhau bằng dấu chấm phẩy.",
    "8. Các cột của cách tính: fixed cần Mức thu; per_unit cần Các bậc; percentage cần Tỷ lệ (%);"
    " foreign_currency cần Mức thu và Ngoại tệ; assessed không cần cột nào.",
    "9. Nộp lại tệp thì hệ thống nêu từng lỗi theo trang, dòng, cột, rồi cho xem trước những gì"
    " sẽ đổi; người thứ hai xem và áp dụng.",
)

#: What the words that cells are limited to mean; a new kind of rule may add its own.
_MEANINGS = {
    **{str(one): one.words.vi for one in (*Certainty, *Ground)},
    "always": "luôn thu",
    "choice": "một trong các mức để chọn",
    "on_request": "thu khi có yêu cầu",
    "fixed": "mức cố định",
    "per_unit": "theo đơn vị, có bậc",
    "percentage": "tỷ lệ của giá trị",
    "assessed": "theo thông báo của cơ quan khác",
    "foreign_currency": "bằng ngoại tệ, không thu qua hệ thống",
}


def write_csv(table: str, entries: Sequence[Entry]) -> bytes:
    """One table as CSV: keys as headings, UTF-8 with the mark that spreadsheets look for."""
    columns = columns_for(table, entries)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.key for column in columns])
    for entry in entries:
        writer.writerow([inert(said(cell)) for cell in cells_of(entry, columns)])
    return text.getvalue().encode("utf-8-sig")


def write_workbook(tables: Mapping[str, Sequence[Entry]]) -> bytes:
    """Tables as a workbook with Vietnamese headings, and a first sheet that explains."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": "Lệ Phí", "created": _MADE_AT})
        heading = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        looks = {
            "text": workbook.add_format({"num_format": "@"}),
            "live": workbook.add_format({"num_format": "@", "quote_prefix": True}),
            "number": workbook.add_format({"num_format": "#,##0"}),
            "date": workbook.add_format({"num_format": "dd/mm/yyyy"}),
        }
        _write_guide(workbook.add_worksheet(GUIDE), heading, list(tables))
        for table, entries in tables.items():
            sheet = workbook.add_worksheet(TITLES[table])
            _write_table(sheet, columns_for(table, entries), entries, heading, looks)
    return content.getvalue()


def _write_guide(sheet: Worksheet, heading: Format, tables: Sequence[str]) -> None:
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 2, 46)
    row = 0
    for line in _GUIDE:
        sheet.write_string(row, 0, line, heading if row == 0 else None)
        row += 1
    for table in tables:
        row += 1
        for place, text in enumerate((TITLES[table], "Tên trong tệp CSV", "Các giá trị được ghi")):
            sheet.write_string(row, place, text, heading)
        for column in COLUMNS[table]:
            row += 1
            sheet.write_string(row, 0, column.title)
            sheet.write_string(row, 1, column.key)
            sheet.write_string(row, 2, "; ".join(_explained(one) for one in column.choices))
        row += 1


def _explained(choice: str) -> str:
    return f"{choice} ({_MEANINGS[choice]})" if choice in _MEANINGS else choice


def _write_table(
    sheet: Worksheet,
    columns: Sequence[SheetColumn],
    entries: Sequence[Entry],
    heading: Format,
    looks: Mapping[str, Format],
) -> None:
    sheet.freeze_panes(1, 1)
    for place, column in enumerate(columns):
        look = column.shape.look
        sheet.set_column(place, place, _WIDE.get(column.key, _WIDTHS[look]), looks[look])
        sheet.write_string(0, place, column.title, heading)
        if column.choices:
            choice = {"validate": "list", "source": list(column.choices)}
            sheet.data_validation(1, place, MOST_ROWS - 1, place, choice)
    for row, entry in enumerate(entries, start=1):
        for place, (column, cell) in enumerate(zip(columns, cells_of(entry, columns), strict=True)):
            shown: str = column.shape.look
            if isinstance(cell, str):
                # A small amount is a text in a column of numbers; it must not become one again.
                shown = "live" if is_live(cell) else "text"
            _write_cell(sheet, row, place, cell, looks[shown])


def _write_cell(sheet: Worksheet, row: int, place: int, cell: Cell, look: Format) -> None:
    if cell is None:
        return
    if isinstance(cell, date):
        sheet.write_datetime(row, place, datetime.combine(cell, time()), look)
    elif isinstance(cell, int) and not isinstance(cell, bool):
        sheet.write_number(row, place, cell, look)
    else:
        sheet.write_string(row, place, said(cell), look)
