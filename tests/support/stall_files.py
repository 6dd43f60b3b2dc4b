"""Files of stalls in tests: a workbook of so many stalls, each held by a vendor of its own."""

import io

import xlsxwriter

from core.crypto import Cipher

CIPHER = Cipher(b"c" * 32)
HEADINGS = (
    *("Mã sạp", "Loại", "Diện tích (m²)", "Dãy", "Mã tiểu thương", "Họ tên", "Điện thoại"),
    *("Từ ngày", "Thu theo"),
)


def workbook_of_stalls(count: int) -> bytes:
    """An XLSX file with stalls B-00000, B-00001 … and vendors TT-00000 …"""
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Sạp")
        sheet.write_row(0, 0, HEADINGS)
        for number in range(count):
            stall = (f"B-{number:05}", "covered", "6", "B", f"TT-{number:05}")
            holder = (f"Nguyễn Thị {number}", f"0912{number:06}", "01/01/2026", "tháng")
            sheet.write_row(number + 1, 0, (*stall, *holder))
    return held.getvalue()
