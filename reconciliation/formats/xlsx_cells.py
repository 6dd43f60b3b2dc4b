"""What a workbook's cell says, as text that a mapping reads, or why it no longer tells. Pure.

A spreadsheet changes what was put into it: a reference of digits becomes a number without its
leading zeros, or of fifteen figures; an amount with a dot becomes a fraction, or a day. Where that
may have happened the cell is spoilt, and its line is refused.
"""

import unicodedata
from collections.abc import Mapping as Dictionary
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from core.clock import VIETNAM
from reconciliation.formats.cells import CellRefused
from reconciliation.formats.decoding import CONTROL
from reconciliation.formats.mappings import Mapping

#: What a workbook's reader gives for a cell; a number that is shown as a day comes as one.
WorkbookCell = str | int | float | bool | date | datetime | time | timedelta | None
#: What a column holds; of what nobody reads everything is taken.
Role = Literal["amount", "time", "reference", "text", "unread"]

#: A number keeps so many figures.
_KEPT: Final = 10**15
_LOST: Final = (
    "ô là số: số 0 ở đầu và các chữ số sau số thứ 15 có thể đã mất; hãy xuất lại tệp từ ngân hàng,"
    " hoặc nộp tệp CSV của ngân hàng"
)


def roles_of(mapping: Mapping, columns: Dictionary[str, int]) -> dict[int, Role]:
    """What each column of a layout holds, by its place."""
    roles: dict[int, Role] = dict.fromkeys(columns.values(), "unread")
    named = mapping.columns
    amounts = mapping.amount
    for name in (amounts.direction, named.get("narrative"), *mapping.unique, *mapping.must_equal):
        if name:
            roles[columns[name]] = "text"
    for name in (named.get("reference"), named.get("bank_ref")):
        if name:
            roles[columns[name]] = "reference"
    sides = (amounts.column, amounts.credit_column, amounts.debit_column)
    for name in (*sides, named.get("balance")):
        if name:
            roles[columns[name]] = "amount"
    roles[columns[named["booked_at"]]] = "time"
    return roles


def cell_text(cell: WorkbookCell, role: Role) -> tuple[str, CellRefused | None]:
    """A cell as text, and why it is spoilt. A spoilt cell's text is nothing that is understood."""
    if cell is None:
        return "", None
    if isinstance(cell, str):
        if role != "unread" and CONTROL.search(cell):
            return "", _spoilt_by("control", "ô có ký tự điều khiển")
        return (cell if cell.isascii() else unicodedata.normalize("NFC", cell)), None
    if isinstance(cell, bool):
        return ("TRUE" if cell else "FALSE"), _spoilt(role, "ô là giá trị đúng, sai")
    if isinstance(cell, int | float):
        return _number_text(cell, role)
    if role == "time" and isinstance(cell, date):
        return _moment_text(cell), None
    return f"#{cell}", _spoilt(role, "ô là ngày giờ: bảng tính đã đổi nội dung của ô")


def is_day(cell: WorkbookCell) -> bool:
    """Whether a spreadsheet has read a cell as a day."""
    return isinstance(cell, date)


def _number_text(number: float, role: Role) -> tuple[str, CellRefused | None]:
    is_whole = isinstance(number, int) or number.is_integer()
    if role == "reference":
        return (f"{number:.0f}" if is_whole else f"#{number}"), CellRefused("mangled", _LOST)
    if not is_whole:
        return f"#{number}", _spoilt(role, f"ô là số lẻ {number}: bảng tính có thể đã đổi số")
    if abs(number) >= _KEPT:
        return f"#{number}", _spoilt(role, f"ô là số {number:.0f}: bảng tính đã làm tròn")
    return str(int(number)), None


def _moment_text(cell: date) -> str:
    if not isinstance(cell, datetime):
        cell = datetime.combine(cell, time(), VIETNAM)
    # A spreadsheet's time is a fraction of a day, and seldom a whole second.
    rounded = cell.replace(microsecond=0, tzinfo=VIETNAM)
    if cell.microsecond >= 500_000:
        rounded += timedelta(seconds=1)
    return rounded.isoformat()


def _spoilt(role: Role, detail: str) -> CellRefused | None:
    if role == "unread":
        return None
    return _spoilt_by({"amount": "amount", "time": "time"}.get(role, "mangled"), detail)


def _spoilt_by(code: str, detail: str) -> CellRefused:
    return CellRefused(code, f"{detail}; hãy xuất lại tệp từ ngân hàng")
