"""Rows of cells, in whatever file they stood, into lines of a statement by their mapping.

Furniture is passed over and counted, every bad cell is a fault with its row and column. Pure.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from core.bank_refs import is_rounded
from core.clock import business_date
from core.errors import FieldError
from core.folding import caseless, without_marks
from reconciliation.formats.balances import Balances, balance_gaps
from reconciliation.formats.cells import CellRefused, read_time
from reconciliation.formats.headers import Header
from reconciliation.formats.limits import Limits
from reconciliation.formats.lost_thousands import lost_thousands
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.rows import (
    Direction,
    StatementRefused,
    StatementRow,
    fault_at,
    fault_of_file,
)
from reconciliation.formats.statement_file import NO_LINES, StatementFile

#: What no zero begins with: most amounts.
_NONZERO: Final = frozenset("123456789")
#: What stands between the lines of a statement that was printed page by page, without its marks.
_PAGE_SUM = re.compile(
    r"(?:cong|tong|tong cong|tong so|so du|luy ke)(?: cuoi| dau)? (?:trang|chuyen|mang)\b"
    r"|(?:cong |tong )?(?:mang|chuyen) (?:sang|tu) trang\b"
    r"|(?:sub|page )total\b|total (?:of )?page\b"
)
#: The number of a page, which stands alone in its row.
_PAGE_NUMBER = re.compile(r"(?:trang|page)(?: so)? ?:? ?[0-9]+(?: ?(?:/|of|tren) ?[0-9]+)?")
#: What a spreadsheet writes above a file, and is left where files were put one behind the other.
_SEPARATOR = re.compile("\ufeff*sep=.?")
#: So is what says how a file is encoded.
_BYTE_ORDER_MARK: Final = "\ufeff"
#: What a cell is that its file has spoilt, by its place in the row.
SpoiltCells = Dictionary[int, CellRefused]


@dataclass(slots=True)
class RowReader:
    """What was read so far: rows, faults, and what the trailer must agree with.

    `latest` is the last day that a line may have, None for any.
    """

    mapping: Mapping
    header: Header
    limits: Limits
    latest: date | None
    skipped: Counter[str] = field(default_factory=Counter)
    rows: list[StatementRow] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    seen: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    sums: Counter[str] = field(default_factory=Counter)
    balances: Balances = field(default_factory=Balances)
    has_totals: bool = False
    has_count: bool = False

    @property
    def columns(self) -> dict[str, int]:
        """Where each column of the layout stands."""
        return self.header.columns

    @property
    def width(self) -> int:
        """How many columns the heading has."""
        return len(self.header.names)

    def take(self, number: int, cells: Sequence[str], spoilt: SpoiltCells | None = None) -> None:
        """Take a row of the file: a line of the statement, its trailer, or nothing.

        `spoilt` says of cells why their file no longer tells what stood there; in a line each of
        them is a fault. Raises `StatementRefused` where there are too many rows.
        """
        if not any(cell.strip() for cell in cells):
            return
        if len(self.rows) >= self.limits.rows:
            raise StatementRefused(
                [fault_at(number, "", "too_many_rows", f"quá {self.limits.rows} dòng")]
            )
        first = caseless(next(cell for cell in cells if cell.strip()))
        trailer = self.mapping.trailer
        if furniture := self._furniture(first, cells):
            self.skipped[furniture] += 1
            if furniture == "balance":
                self._note_balance(first, cells)
            return
        if trailer.totals and first.startswith(caseless(trailer.totals)):
            self._check_totals(number, cells)
        elif trailer.count and first.startswith(caseless(trailer.count)):
            self._check_count(number, cells)
        elif self.has_totals or self.has_count:
            # Signatures and notes may follow the trailer; a line of the statement must not.
            if self._is_like_a_line(cells):
                self._fault(number, "", "after_trailer", "dòng này đứng sau dòng tổng")
        else:
            self._take_line(number, cells, spoilt or {})

    def _furniture(self, first: str, cells: Sequence[str]) -> str | None:
        """What a row is that is no line of the statement, None if it may be one."""
        plain = without_marks(first)
        if _PAGE_SUM.match(plain) and not self._is_dated(cells):
            return "page_sum"  # the balance of a page is none of the statement's
        if any(first.startswith(caseless(words)) for words in self.mapping.skip):
            return "balance"
        if self._is_header(cells):
            return "header"
        if len(_written(cells)) == 1:
            if _PAGE_NUMBER.fullmatch(plain):
                return "page_number"
            if _SEPARATOR.fullmatch(first):
                return "sep"
        if self._moves_nothing(cells) and self._is_dated(cells):
            return "zero"
        return None

    def _is_header(self, cells: Sequence[str]) -> bool:
        """Whether a row is the heading again, whatever blank cells or mark a program added."""
        names = self.header.names
        begin = caseless(cells[0].removeprefix(_BYTE_ORDER_MARK))
        if begin != names[0]:
            return False
        again = [begin, *map(caseless, cells[1:])]
        return again[: len(names)] == names and not any(again[len(names) :])

    def _note_balance(self, first: str, cells: Sequence[str]) -> None:
        """Keep what the statement begins or ends with; words without a number tell nothing."""
        for cell in reversed(cells):
            with suppress(CellRefused):
                amount = self.mapping.amount.style.read(cell)
                self.balances = self.balances.told(without_marks(first), amount)
                return

    def _is_dated(self, cells: Sequence[str]) -> bool:
        try:
            read_time(self._cell(cells, self.mapping.columns["booked_at"]), self.mapping.times)
        except CellRefused:
            return False
        return True

    def _moves_nothing(self, cells: Sequence[str]) -> bool:
        """Whether every amount of the row is written, and is zero: nothing left out is guessed."""
        written = [self._cell(cells, name) for name in self.mapping.amount.names]
        if written[0][:1] in _NONZERO:
            return False
        try:
            return all(self.mapping.amount.style.read(cell) == 0 for cell in written)
        except CellRefused:
            return False

    def end(self) -> None:
        """After the last row: a statement that must have a trailer and has none was cut."""
        trailer = self.mapping.trailer
        for words, is_there in ((trailer.totals, self.has_totals), (trailer.count, self.has_count)):
            if trailer.required and words and not is_there:
                self.faults.append(
                    fault_of_file("cut", f'Không có dòng "{words}" ở cuối: tệp có thể bị cắt.')
                )

    def statement(
        self, accounts: Sequence[str], *, forced: bool, notes: Sequence[str] = ()
    ) -> StatementFile:
        """After the last row: what the file says. Raises `StatementRefused`.

        `forced` believes amounts that seem to have lost their thousands.
        """
        self.end()
        if not forced and not self.faults:
            self.faults += lost_thousands(self.rows, self.mapping.amount)
        if self.faults:
            raise StatementRefused(self.faults)
        gaps = balance_gaps(self.rows, self.balances)
        return StatementFile(
            self.rows,
            dict(self.skipped),
            tuple(accounts),
            self.balances,
            tuple(gaps),
            # They were compared where each side has a column of its own.
            self.has_totals and self.mapping.amount.kind == "sides",
            tuple(notes) if self.rows else (*notes, NO_LINES),
        )

    def _is_like_a_line(self, cells: Sequence[str]) -> bool:
        # Who signs may stand below the sums, in their very columns; an amount has a digit.
        if any(_has_digit(self._cell(cells, name)) for name in self.mapping.amount.names):
            return True
        return self._is_dated(cells)

    def _take_line(self, number: int, cells: Sequence[str], spoilt: SpoiltCells) -> None:
        before = len(self.faults)
        for name, place in self.columns.items():
            if refused := spoilt.get(place):
                self._fault(number, name, refused.code, refused.detail)
        if any(cell.strip() for cell in cells[self.width :]):
            self._fault(number, "", "width", f"có ô thừa sau {self.width} cột của tiêu đề")
        elif len(cells) < self.width:
            self._fault(number, "", "width", f"có {len(cells)} ô, cần {self.width}")
        if max(map(len, cells)) > self.limits.cell:
            for name in self.columns:
                if len(self._cell(cells, name)) > self.limits.cell:
                    self._fault(number, name, "too_long", f"ô dài quá {self.limits.cell} ký tự")
        if len(self.faults) > before:
            return
        self._check_fixed(number, cells)
        row = self._read_line(number, cells)
        if row is not None and len(self.faults) == before:
            self.rows.append(row)

    def _read_line(self, number: int, cells: Sequence[str]) -> StatementRow | None:
        columns = self.mapping.columns
        booked_name = columns["booked_at"]
        booked_at = None
        try:
            booked_at = read_time(self._cell(cells, booked_name), self.mapping.times)
        except CellRefused as refused:
            self._fault(number, booked_name, refused.code, refused.detail)
        if booked_at and self.latest and business_date(booked_at) > self.latest:
            detail = f"ngày {booked_at:%d/%m/%Y} ở xa trong tương lai"
            self._fault(number, booked_name, "future", detail)
        if is_rounded(self._text(cells, "bank_ref")):
            name = columns["bank_ref"]
            detail = "số tham chiếu đã bị bảng tính làm tròn; hãy xuất lại tệp từ ngân hàng"
            self._fault(number, name, "mangled", detail)
        side = self._read_side(number, cells)
        balance = None
        if "balance" in columns and self._cell(cells, columns["balance"]).strip():
            balance = self._read_number(number, cells, columns["balance"])
        if booked_at is None or side is None:
            return None
        amount, direction = side
        return StatementRow(
            line_no=number,
            booked_at=booked_at,
            amount=amount,
            direction=direction,
            reference=self._text(cells, "reference") or None,
            narrative=self._text(cells, "narrative"),
            bank_ref=self._text(cells, "bank_ref"),
            balance=balance,
        )

    def _read_side(self, number: int, cells: Sequence[str]) -> tuple[int, Direction] | None:
        """Amount and side of a line, None after a fault. The amount is positive."""
        amounts = self.mapping.amount
        if amounts.kind == "sides":
            return self._read_two_sides(number, cells)
        amount = self._read_number(number, cells, amounts.column)
        direction: Direction | None = "credit"
        if amounts.kind == "direction":
            direction = self._read_direction(number, cells)
            if amount is not None and amount <= 0:
                self._fault(number, amounts.column, "amount", "số tiền phải lớn hơn 0")
                return None
        elif amount is not None and amount < 0:
            amount, direction = -amount, "debit"
        if amount == 0:
            self._fault(number, amounts.column, "amount", "số tiền bằng 0")
            return None
        return None if amount is None or direction is None else (amount, direction)

    def _read_two_sides(self, number: int, cells: Sequence[str]) -> tuple[int, Direction] | None:
        """One column for each side: one of them holds the amount, the other nothing or zero.

        A negative amount is a correction by the bank: it goes the other way.
        """
        amounts = self.mapping.amount
        debit_name, credit_name = amounts.debit_column, amounts.credit_column
        read: dict[str, int] = {}
        for name in (debit_name, credit_name):
            if self._cell(cells, name).strip():
                value = self._read_number(number, cells, name)
                if value is None:
                    return None
                read[name] = value
        self.sums.update(read)
        debit, credit = read.get(debit_name, 0), read.get(credit_name, 0)
        if (debit == 0) == (credit == 0):
            which = "cả hai bên đều có số tiền" if debit else "không bên nào có số tiền"
            self._fault(number, credit_name, "amount", f"{which} ({debit_name}, {credit_name})")
            return None
        amount = credit - debit
        return (amount, "credit") if amount > 0 else (-amount, "debit")

    def _read_direction(self, number: int, cells: Sequence[str]) -> Direction | None:
        amounts = self.mapping.amount
        said = caseless(self._cell(cells, amounts.direction))
        if said in map(caseless, amounts.credit_words):
            return "credit"
        if said in map(caseless, amounts.debit_words):
            return "debit"
        words = ", ".join((*amounts.credit_words, *amounts.debit_words))
        self._fault(number, amounts.direction, "direction", f"cần một trong: {words}")
        return None

    def _read_number(self, number: int, cells: Sequence[str], name: str) -> int | None:
        try:
            return self.mapping.amount.style.read(self._cell(cells, name))
        except CellRefused as refused:
            self._fault(number, name, refused.code, refused.detail)
            return None

    def _check_fixed(self, number: int, cells: Sequence[str]) -> None:
        for name, value in self.mapping.must_equal.items():
            if self._cell(cells, name).strip() != value:
                self._fault(number, name, "value", f"phải là {value}")
        for name in self.mapping.unique:
            cell = self._cell(cells, name)
            first = self.seen[name].setdefault(cell, number)
            if not cell.strip():
                self._fault(number, name, "empty", "để trống")
            elif first != number:
                self._fault(number, name, "duplicate", f"trùng với dòng {first}")

    def _check_totals(self, number: int, cells: Sequence[str]) -> None:
        self.has_totals = True
        amounts = self.mapping.amount
        if amounts.kind != "sides" or self.faults:
            return
        for name in (amounts.debit_column, amounts.credit_column):
            total, found = self._read_number(number, cells, name), self.sums[name]
            if total is not None and total != found:
                self._fault(number, name, "total", f"tổng ghi {total}, các dòng cộng lại {found}")

    def _check_count(self, number: int, cells: Sequence[str]) -> None:
        self.has_count = True
        if self.faults:
            return
        said = [cell for cell in cells if cell.strip()][1:2]
        try:
            agrees = [self.mapping.amount.style.read(cell) for cell in said] == [len(self.rows)]
        except CellRefused:
            agrees = False
        if not agrees:
            self._fault(number, "", "count", f"số dòng không khớp: đọc được {len(self.rows)} dòng")

    def _text(self, cells: Sequence[str], field_name: str) -> str:
        name = self.mapping.columns.get(field_name)
        return "" if name is None else self._cell(cells, name).strip()

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self.header.columns[name]
        return cells[place] if place < len(cells) else ""

    def _fault(self, number: int, column: str, code: str, detail: str) -> None:
        self.faults.append(fault_at(number, column, code, detail))


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _written(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell.strip()]
