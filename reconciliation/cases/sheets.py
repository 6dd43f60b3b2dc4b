"""Discrepancies as a workbook that people fill in and send back. Pure.

The last three columns are theirs: what is to become of a row, the bill that it is for, and why. A
row without a resolution is left alone. What else a row says must be as it was written, so that one
that was moved or sorted by half is noticed. No cell may be calculated.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import xlsxwriter

from core.errors import FieldError, Invalid
from core.spreadsheets import is_live
from payments.catalogue.upkeep.sheets.cells import Cell
from payments.catalogue.upkeep.sheets.faults import FileRefused
from payments.catalogue.upkeep.sheets.files import read_file
from reconciliation.cases.standing import standing_of
from reconciliation.words import CLASSES, RESOLUTIONS, SIDES, STAGES, STANDINGS, STATUSES

#: How many rows a workbook may have.
MOST_ROWS: Final = 5_000
#: How large one may be that comes back, in bytes.
MOST_BYTES: Final = 4 * 1024 * 1024
#: What may be chosen for a row.
CHOICES: Final = ("accept", "suspense", "settle", "assign")
#: How the list in a cell says each of them; its commas would part one from the next.
_CHOICE_WORDS: Final = {one: RESOLUTIONS[one].replace(",", " –") for one in CHOICES}
#: What a cell may say: the words of the list, or the code.
_CHOSEN: Final = {_CHOICE_WORDS[one]: one for one in CHOICES} | {one: one for one in CHOICES}
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_SHEET = "Chênh lệch"
_HEADINGS: Final = (
    "Số",
    "Phía",
    "Đối tượng",
    "Loại",
    "Mã thanh toán",
    "Số tiền (đồng)",
    "Số tiền bên kia",
    "Lý do chênh lệch",
    "Chờ ghi có",
    "Trạng thái",
    "Người xử lý",
    "Xử lý",
    "Khoản phải nộp",
    "Lý do xử lý",
)
_ID, _AMOUNT, _CHOICE, _BILL, _REASON = 0, 5, 11, 12, 13
#: So that the same rows give the same bytes on any day.
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  # the format has no time zone
_LONGEST_REASON = 200


class SheetRefused(Invalid):
    """A filled-in workbook cannot be taken; `errors` says where and why, nothing was taken."""

    code = "sheet_refused"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A discrepancy as a row; amounts in đồng, `stage` empty of what is not awaited."""

    id: str
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str
    stage: str
    status: str
    owner: str


@dataclass(frozen=True, slots=True)
class FilledRow:
    """What somebody wants of a row; `number` is the row's as a spreadsheet counts."""

    number: int
    id: str
    amount: int
    choice: str
    bill: str
    reason: str


def write_sheet(rows: Sequence[SheetRow]) -> bytes:
    """The workbook of some discrepancies, with the choices of its column."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": _SHEET, "created": _MADE_AT})
        bold = workbook.add_format({"bold": True})
        number = workbook.add_format({"num_format": "#,##0"})
        plain = workbook.add_format({"num_format": "@"})
        live = workbook.add_format({"num_format": "@", "quote_prefix": True})
        sheet = workbook.add_worksheet(_SHEET)
        sheet.set_column(0, len(_HEADINGS) - 1, 22, plain)
        sheet.freeze_panes(1, 1)
        for place, heading in enumerate(_HEADINGS):
            sheet.write_string(0, place, heading, bold)
        if rows:
            choice = {"validate": "list", "source": list(_CHOICE_WORDS.values())}
            sheet.data_validation(1, _CHOICE, len(rows), _CHOICE, choice)
        for place, row in enumerate(rows, start=1):
            for column, cell in enumerate(_cells(row)):
                if isinstance(cell, int):
                    sheet.write_number(place, column, cell, number)
                elif cell:
                    sheet.write_string(place, column, cell, live if is_live(cell) else plain)
    return made.getvalue()


def _cells(row: SheetRow) -> tuple[str | int | None, ...]:
    return (
        *(row.id, SIDES.get(row.side, row.side), row.object_id),
        *(CLASSES.get(row.kind, row.kind), row.reference, row.amount, row.other_amount),
        *(row.reason, STAGES.get(row.stage, row.stage), _status(row), row.owner),
    )


def _status(row: SheetRow) -> str:
    standing = standing_of(row.side, row.kind) if row.status == "open" else ""
    return STANDINGS.get(standing) or STATUSES.get(row.status, row.status)


def read_sheet(content: bytes) -> list[FilledRow]:
    """The rows of a workbook that somebody filled in. Raises `SheetRefused`, naming each fault."""
    if len(content) > MOST_BYTES:
        raise _refused([FieldError("file", "too_large", "Tệp tối đa 4 MB.")])
    try:
        sheets = read_file(content)
    except FileRefused as error:
        raise _refused(error.errors) from None
    sheet = next((one for one in sheets if one.name == _SHEET), None)
    if sheet is None or not sheet.rows:
        raise _refused([FieldError("file", "no_such_sheet", f"Tệp không có trang {_SHEET}.")])
    (_, headings), *rows = sheet.rows
    if tuple(_words(cell) for cell in headings[: len(_HEADINGS)]) != _HEADINGS:
        told = "Dòng tiêu đề khác tệp đã xuất; hãy xuất lại rồi điền."
        raise _refused([FieldError("row 1", "headings", told)])
    faults = [
        FieldError(f"cell {place.address}", "formula", "Ô có công thức; hãy ghi giá trị.")
        for place in sorted(sheet.markings.formulas)[:MOST_ROWS]
    ]
    if len(rows) > MOST_ROWS:
        faults.append(FieldError("file", "too_large", f"Tối đa {MOST_ROWS} dòng."))
    filled = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        found = _filled(number, [*cells, *[""] * (len(_HEADINGS) - len(cells))], faults)
        if found is None:
            continue
        if found.id in seen:
            told = f"Trùng với dòng {seen[found.id]}."
            faults.append(FieldError(f"row {number}", "repeated", told))
        seen[found.id] = number
        filled.append(found)
    if faults:
        raise _refused(faults)
    return filled


def _filled(number: int, cells: Sequence[Cell], faults: list[FieldError]) -> FilledRow | None:
    choice, bill, reason = (_words(cells[place]) for place in (_CHOICE, _BILL, _REASON))
    if not choice:
        if bill or reason:
            _add(faults, number, _CHOICE, "missing", "Có ghi nhưng chưa chọn cách xử lý.")
        return None
    if choice not in _CHOSEN:
        _add(faults, number, _CHOICE, "unknown", f"Chỉ nhận: {', '.join(_CHOSEN)}.")
    choice = _CHOSEN.get(choice, choice)
    if (choice == "assign") != bool(bill):
        told = f"Ghi khoản phải nộp khi chọn {_CHOICE_WORDS['assign']}, và chỉ khi đó."
        _add(faults, number, _BILL, "bill", told)
    if not reason or len(reason) > _LONGEST_REASON or not reason.isprintable():
        _add(faults, number, _REASON, "missing", "Cần lý do, một dòng, tối đa 200 ký tự.")
    amount = cells[_AMOUNT]
    whole = isinstance(amount, int | float) and not isinstance(amount, bool)
    if not isinstance(amount, int | float) or not whole or amount != int(amount):
        _add(faults, number, _AMOUNT, "changed", "Số tiền phải như tệp đã xuất.")
        amount = 0
    return FilledRow(number, _words(cells[_ID]), int(amount), choice, bill, reason)


def _add(faults: list[FieldError], number: int, column: int, code: str, detail: str) -> None:
    faults.append(FieldError(f"row {number}, column {_HEADINGS[column]}", code, detail))


def _words(cell: Cell) -> str:
    return str(cell).strip() if isinstance(cell, str) else ""


def check_rows(filled: Sequence[FilledRow], known: Mapping[str, SheetRow]) -> None:
    """Raise `SheetRefused` where a row is none of these open discrepancies as they were written."""
    faults: list[FieldError] = []
    for row in filled:
        odd = known.get(row.id)
        if odd is None:
            _add(faults, row.number, _ID, "unknown", "Lần đối chiếu này không có chênh lệch đó.")
        elif odd.status != "open":
            _add(faults, row.number, _ID, "not_open", "Đã được xử lý hoặc không còn.")
        elif odd.amount != row.amount:
            _add(faults, row.number, _AMOUNT, "changed", "Số tiền khác tệp đã xuất.")
    if faults:
        raise _refused(faults)


def refuse_row(row: FilledRow, code: str, detail: str) -> SheetRefused:
    """The refusal of a whole workbook for one of its rows."""
    return _refused([FieldError(f"row {row.number}", code, detail)])


def _refused(faults: Sequence[FieldError]) -> SheetRefused:
    return SheetRefused("Không nhận tệp này; chưa có gì được đề nghị.", errors=list(faults))
