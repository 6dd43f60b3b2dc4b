"""A list of debts as another office's file has it, CSV or XLSX: read whole or not at all. Pure.

A row is a debt. Every fault of every cell is named by row, column and reason. An amount may be
calculated: in a workbook what the office's spreadsheet had calculated when it saved the file is
taken, in CSV a sum or product of whole numbers. No other cell may be.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import prod
from typing import Final, TypeVar

from core.errors import FieldError
from core.foreign_files import NO_ROWS
from core.money import MAX_AMOUNT
from core.tax_numbers import checked_tax_number
from core.workbooks import WorkbookLimits
from payments.catalogue.upkeep.sheets.archives import TableLimits
from payments.catalogue.upkeep.sheets.cells import (
    Cell,
    CellMisread,
    is_blank,
    mended_phone,
    misplaced,
    misplaced_complaint,
    read_amount,
    read_date,
    read_phone,
    read_text,
    read_words,
)
from payments.catalogue.upkeep.sheets.faults import FileRefused
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import Sheet
from payments.debts.columns import TITLES, column_of
from payments.debts.faults import (
    MOST_FAULTS,
    NO_HEADING,
    DebtFault,
    refused,
    refused_for,
)
from payments.debts.kinds import ALWAYS_NEEDED, KINDS, DebtKind

T = TypeVar("T")

#: How many debts a file has at most.
MOST_DEBTS: Final = 100_000
_MOST_COLUMNS: Final = 40
LIMITS: Final = TableLimits(
    32 * 1024 * 1024,
    WorkbookLimits(
        unpacked=320 * 1024 * 1024,
        rows=MOST_DEBTS + 10,
        columns=_MOST_COLUMNS,
        cells=(MOST_DEBTS + 10) * 20,
        repeated=1024 * 1024 * 1024,
        area=2 * (MOST_DEBTS + 10) * _MOST_COLUMNS,
    ),
)

_CALCULATED = re.compile(r"=\s*[0-9]{1,14}(?:\s*[-+*]\s*[0-9]{1,14}){1,20}")
_TERM = re.compile(r"([-+]?)\s*([0-9]+(?:\s*\*\s*[0-9]+)*)")
_PATTERNS: Final = {
    "code": (r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", "Mã gồm chữ không dấu, số và . / - _."),
    "dossier_number": (r"[A-Za-z0-9./_-]{1,64}", "Mã hồ sơ gồm chữ không dấu, số và . / - _."),
    "chapter": (r"[0-9]{3}", "Chương gồm 3 chữ số; ô phải là Văn bản để giữ số 0 ở đầu."),
    "sub_item": (r"[0-9]{4}", "Tiểu mục gồm 4 chữ số."),
    "phone": (r"\+?[0-9][0-9 .-]{7,18}", "Số điện thoại gồm 8 đến 19 chữ số."),
}
_WORDS: Final = {
    "decision_number": 100,
    "treasury": 200,
    "description": 200,
    "name": 200,
    "address": 200,
    "payer_name": 200,
    "payer_address": 200,
}
_OF_PAYER: Final = ("payer_tax_number", "payer_address")
_DECISION: Final = ("decision_number", "decided_on", "treasury", "chapter", "sub_item")


@dataclass(frozen=True, slots=True)
class DebtRow:
    """A debt as a file tells it; `number` counts rows as a spreadsheet does, amounts in đồng.

    `payer_name` and what belongs to it are of somebody who pays for the one who owes.
    """

    number: int
    code: str
    amount: int
    name: str = field(repr=False)
    description: str = ""
    dossier_number: str = ""
    decision_number: str = ""
    decided_on: date | None = None
    due_on: date | None = None
    treasury: str = ""
    chapter: str = ""
    sub_item: str = ""
    tax_number: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    #: whether the file lacked its leading 0
    mended_phone: bool = False
    payer_name: str = field(default="", repr=False)
    payer_tax_number: str = field(default="", repr=False)
    payer_address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DebtSheet:
    """A file as it was read: its own rows, what they say, and every fault.

    `places` says in which cell of a row each column stands; `calculated` is how many amounts came
    of formulas, `mended_phones` how many phone numbers got back the 0 that a spreadsheet took off.
    """

    rows: Sequence[tuple[int, Sequence[Cell]]] = field(repr=False)
    places: Mapping[str, int]
    debts: Sequence[DebtRow] = field(repr=False)
    faults: Sequence[DebtFault]
    calculated: int = 0
    mended_phones: int = 0

    @property
    def amount(self) -> int:
        """The sum of its debts, in đồng."""
        return sum(debt.amount for debt in self.debts)

    def with_faults(self, faults: Sequence[DebtFault]) -> "DebtSheet":
        """The same with these faults too, which the file alone does not show."""
        every = sorted([*self.faults, *faults], key=lambda one: one.row)
        return replace(self, faults=every)

    def check(self) -> None:
        """Raises `DebtSheetRefused` if there is any fault."""
        if self.faults:
            raise refused_for(self.faults)


def read_debts(content: bytes, kind: DebtKind, today: date) -> DebtSheet:
    """What a file says, with every fault of its cells.

    Raises `DebtSheetRefused` for a file of which no row can be read: no table, or wrong headings.
    """
    try:
        sheets = read_file(content, limits=LIMITS)
    except FileRefused as error:
        raise refused(error.errors) from None
    sheet = _sheet_of_debts(sheets, kind)
    places = _places(*sheet.rows[0], kind)
    reader = _SheetReader(sheet, places, kind, today)
    debts = [debt for debt in map(reader.debt, sheet.rows[1:]) if debt is not None]
    if len(sheet.rows) == 1:
        raise refused([FieldError("file", "empty", "Tệp chỉ có dòng tiêu đề.")])
    if len(sheet.rows) - 1 > MOST_DEBTS:
        detail = f"Tối đa {MOST_DEBTS} khoản trong một tệp."
        raise refused([FieldError("file", "too_large", detail)])
    faults = sorted([*reader.faults, *_repeated(debts)], key=lambda one: one.row)
    return DebtSheet(sheet.rows, places, debts, faults, reader.calculated, reader.mended_phones)


def _sheet_of_debts(sheets: Iterable[Sheet], kind: DebtKind) -> Sheet:
    """The first sheet that says something, as whoever opens the file sees it: hidden ones do not.

    Another one with debts of its own would be left out without a word, so it is refused.
    """
    seen = [one for one in sheets if one.rows and not one.is_hidden]
    if not seen:
        raise refused([FieldError("file", "empty", NO_ROWS)])
    needed = set(needed_of(kind))
    for other in seen[1:]:
        if needed <= {column_of(str(cell)) for cell in other.heading if not is_blank(cell)}:
            told = f"Trang {other.name[:50]!r} cũng có danh sách: mỗi tệp chỉ một trang."
            raise refused([FieldError("file", "several_sheets", told)])
    return seen[0]


def _places(number: int, headings: Sequence[Cell], kind: DebtKind) -> dict[str, int]:
    places: dict[str, int] = {}
    faults = []
    for place, cell in enumerate(headings):
        if is_blank(cell):
            continue
        name = column_of(str(cell))
        if name is None or name in places:
            told = f"Dòng {number}: không có cột nào tên {str(cell)[:50]!r}, hoặc ghi hai lần."
            faults.append(FieldError(f"row {number}", "unknown_column", told))
        else:
            places[name] = place
    missing = [TITLES[name] for name in needed_of(kind) if name not in places]
    if missing:
        told = f"Dòng {number}: thiếu cột {', '.join(missing)}."
        faults.append(FieldError(f"row {number}", "missing_column", told))
    if faults:
        raise refused(faults[:MOST_FAULTS])
    return places


def needed_of(kind: DebtKind) -> tuple[str, ...]:
    """The columns that a list of a kind must have, and every row of it must fill."""
    return (*ALWAYS_NEEDED, *KINDS[kind].needed)


class _SheetReader:
    """Reads the rows of one sheet, and gathers what is wrong with them."""

    def __init__(
        self, sheet: Sheet, places: Mapping[str, int], kind: DebtKind, today: date
    ) -> None:
        self.faults: list[DebtFault] = []
        self.calculated = 0
        self.mended_phones = 0
        self._places = places
        self._needed = needed_of(kind)
        self._today = today
        self._names = {place: name for name, place in places.items()}
        self._formulas = {(one.row, one.column - 1) for one in sheet.markings.formulas}
        self._errors = {(one.row, one.column - 1) for one in sheet.markings.errors}
        self._marked = {row for row, _ in self._formulas | self._errors}

    def debt(self, numbered: tuple[int, Sequence[Cell]]) -> DebtRow | None:
        """The debt of a row; None where something is wrong with it, which is kept in `faults`."""
        number, cells = numbered
        before, mended = len(self.faults), self.mended_phones
        if number in self._marked:
            self._look_at_formulas(number, cells)
        if strays := misplaced(cells, self._names):
            self._fault(number, "", NO_HEADING, misplaced_complaint(strays))
        told: dict[str, str] = {}
        for name, (pattern, complaint) in _PATTERNS.items():
            plain = read_phone if name == "phone" else read_text
            told[name] = self._read(number, cells, name, _matching(plain, pattern, complaint), "")
        for name, longest in _WORDS.items():
            told[name] = self._read(number, cells, name, _words(longest), "")
        for name in ("tax_number", "payer_tax_number"):
            told[name] = self._read(number, cells, name, _tax_number, "")
        decided_on = self._read(number, cells, "decided_on", _day, None)
        due_on = self._read(number, cells, "due_on", _day, None)
        amount = self._read(number, cells, "amount", _amount, 0)
        if len(self.faults) > before:
            return None
        debt = DebtRow(
            number=number,
            amount=amount,
            decided_on=decided_on,
            due_on=due_on,
            mended_phone=self.mended_phones > mended,
            **told,
        )
        self._look_at_row(debt)
        return debt if len(self.faults) == before else None

    def _read(
        self, number: int, cells: Sequence[Cell], name: str, how: Callable[[Cell], T], default: T
    ) -> T:
        place = self._places.get(name, len(cells))
        cell = cells[place] if place < len(cells) else None
        if is_blank(cell):
            return default
        of_formula = isinstance(cell, str) and cell.lstrip().startswith("=")
        self.calculated += name == "amount" and of_formula
        self.mended_phones += name == "phone" and mended_phone(cell) is not None
        try:
            return how(cell)
        except CellMisread as error:
            self._fault(number, name, error.code, error.detail)
        except ValueError as error:
            self._fault(number, name, "malformed", str(error))
        return default

    def _fault(self, number: int, name: str, code: str, reason: str) -> None:
        self.faults.append(DebtFault(number, name, code, reason))

    def _look_at_formulas(self, number: int, cells: Sequence[Cell]) -> None:
        """An amount may be calculated, if the file has what was calculated; nothing else may."""
        for place, name in self._names.items():
            if (number, place) in self._errors:
                self._fault(number, name, "error_cell", "Ô báo lỗi của bảng tính.")
            elif (number, place) in self._formulas:
                if name != "amount":
                    self._fault(number, name, "formula", "Ô có công thức; hãy dán giá trị.")
                elif is_blank(cells[place] if place < len(cells) else None):
                    reason = "Công thức chưa được tính: mở tệp bằng bảng tính rồi lưu lại."
                    self._fault(number, name, "not_calculated", reason)
                else:
                    self.calculated += 1

    def _look_at_row(self, debt: DebtRow) -> None:
        """What a row lacks, or says that cannot be."""
        for name in self._needed:
            if not getattr(debt, name):
                self._fault(debt.number, name, "missing", "Chưa ghi.")
        decided = [name for name in _DECISION if getattr(debt, name)]
        if "decision_number" in decided and len(decided) < len(_DECISION):
            # The treasury's slip needs all of it.
            for name in _DECISION:
                if name not in decided and name not in self._needed:
                    self._fault(debt.number, name, "missing", "Có số quyết định thì phải ghi.")
        if debt.decided_on is not None and debt.decided_on > self._today:
            self._fault(debt.number, "decided_on", "out_of_range", "Ngày ở tương lai.")
        if not debt.payer_name and any(getattr(debt, name) for name in _OF_PAYER):
            self._fault(debt.number, "payer_name", "missing", "Chưa ghi tên người nộp thay.")


def _repeated(debts: Iterable[DebtRow]) -> list[DebtFault]:
    faults = []
    first: dict[str, int] = {}
    for debt in debts:
        other = first.setdefault(debt.code, debt.number)
        if other != debt.number:
            reason = f"Mã này đã có ở dòng {other}."
            faults.append(DebtFault(debt.number, "code", "repeated", reason))
    return faults


def _matching(plain: Callable[[Cell], str], pattern: str, complaint: str) -> Callable[[Cell], str]:
    def read(cell: Cell) -> str:
        text = plain(cell)
        if re.fullmatch(pattern, text) is None:
            raise CellMisread("malformed", complaint)
        return text

    return read


def _words(longest: int) -> Callable[[Cell], str]:
    return lambda cell: read_words(cell, longest)


def _tax_number(cell: Cell) -> str:
    return checked_tax_number(read_text(cell))


def _day(cell: Cell) -> date | None:
    return read_date(cell)


def _amount(cell: Cell) -> int:
    """An amount of at least one đồng: 1530000, 1.530.000, or =1530000+225000 in a CSV file."""
    if isinstance(cell, str) and cell.lstrip().startswith("="):
        amount = _calculated(cell.strip())
    else:
        amount = read_amount(cell)
    if amount < 1:
        raise CellMisread("out_of_range", "Số tiền phải lớn hơn 0.")
    if amount > MAX_AMOUNT:
        raise CellMisread("too_big", f"Quá lớn; nhiều nhất {MAX_AMOUNT}.")
    return amount


def _calculated(formula: str) -> int:
    """What a sum, difference or product of whole numbers comes to; nothing else is calculated."""
    if _CALCULATED.fullmatch(formula) is None:
        reason = "Công thức chỉ được cộng, trừ, nhân các số nguyên, ví dụ =1530000+225000."
        raise CellMisread("formula", reason)
    total = 0
    for sign, factors in _TERM.findall(formula.removeprefix("=")):
        product = prod(int(factor) for factor in factors.split("*"))
        total += -product if sign == "-" else product
    return total
