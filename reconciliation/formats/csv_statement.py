"""Reads a statement in CSV by the layout of its bank: every row, or none. Pure."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from core.bank_refs import is_rounded
from core.clock import business_date
from core.errors import FieldError
from core.folding import caseless, without_marks
from reconciliation.formats.accounts import named_accounts
from reconciliation.formats.balances import BalanceGap, Balances, balance_gaps
from reconciliation.formats.cells import CellRefused, read_time
from reconciliation.formats.decoding import decode
from reconciliation.formats.headers import SEPARATOR, Header, get_header, rows_of
from reconciliation.formats.limits import LIMITS, Limits
from reconciliation.formats.lost_thousands import lost_thousands
from reconciliation.formats.mappings import Mapping, get_mapping
from reconciliation.formats.rows import (
    Direction,
    StatementRefused,
    StatementRow,
    fault_at,
    fault_of_file,
)

#: After how many rows whoever waits is told how far it is.
_TOLD_EVERY: Final = 1_000
#: A bank may date a line to tomorrow; further ahead a date is mistyped.
_AHEAD: Final = timedelta(days=2)
#: What no zero begins with: most amounts.
_NONZERO: Final = frozenset("123456789")
#: What stands between the lines of a statement that was printed page by page, without its marks.
_PAGE_SUM = re.compile(
    r"(?:cong|tong|so du|luy ke) (?:trang|chuyen|mang)\b|(?:mang|chuyen) (?:sang|tu) trang\b"
)


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A statement as it was read: its rows, and how many others were passed over as what.

    `accounts` are the numbers of accounts that it names above its heading; `gaps` where its
    balances do not go from one line to the next.
    """

    rows: list[StatementRow]
    skipped: dict[str, int]
    accounts: tuple[str, ...] = ()
    balances: Balances = field(default_factory=Balances)
    gaps: tuple[BalanceGap, ...] = ()
    #: whether it has a row of its totals, which agrees with its lines
    has_totals: bool = False


def read(content: bytes, mapping: str, on: date, *, limits: Limits = LIMITS) -> list[StatementRow]:
    """The rows of a statement whose layout has the code `mapping` on the day `on`.

    Raises `StatementRefused` naming every bad row and column, and `UnknownMapping`.
    """
    return read_day_file(content, mapping, on, limits=limits).rows


def read_day_file(
    content: bytes,
    mapping: str,
    on: date,
    *,
    limits: Limits = LIMITS,
    forced: bool = False,
    tell: Callable[[int], None] | None = None,
) -> StatementFile:
    """As `read`, with all that the file tells beside its rows.

    `forced` believes amounts that seem to have lost their thousands: two people have said so.
    `tell` hears now and then how many rows were read.
    """
    found = get_mapping(mapping, on)
    return read_file(content, found, on=on, limits=limits, forced=forced, tell=tell)


def read_by(content: bytes, mapping: Mapping, *, limits: Limits = LIMITS) -> list[StatementRow]:
    """The rows of a statement by a given layout, in their order. Raises `StatementRefused`."""
    return read_file(content, mapping, limits=limits).rows


def read_file(
    content: bytes,
    mapping: Mapping,
    *,
    on: date | None = None,
    limits: Limits = LIMITS,
    forced: bool = False,
    tell: Callable[[int], None] | None = None,
) -> StatementFile:
    """A statement by a given layout, its rows in their order. Raises `StatementRefused`.

    Furniture is passed over and counted: a heading that is repeated, the sums of a page, lines that
    move nothing, `sep=`. With `on` no line may be dated more than two days after it.
    """
    if len(content) > limits.size:
        detail = f"Tệp lớn hơn {limits.size:,} byte.".replace(",", ".")
        raise StatementRefused([fault_of_file("too_large", detail)])
    text = decode(content)
    header = get_header(text, mapping)
    reading = _RowReader(mapping, header, limits, None if on is None else on + _AHEAD)
    accounts: list[str] = []
    try:
        for number, cells in rows_of(text, header.delimiter):
            if number > header.row:
                reading.take(number, cells)
            elif number < header.row:
                accounts += named_accounts(cells)
            if tell is not None and number % _TOLD_EVERY == 0:
                tell(len(reading.rows))
    except csv.Error as error:
        reading.faults.append(fault_of_file("csv", f"Không đọc được như CSV: {error}."))
    reading.end()
    if not forced and not reading.faults:
        reading.faults += lost_thousands(reading.rows, mapping.amount)
    if reading.faults:
        raise StatementRefused(reading.faults)
    if SEPARATOR.match(text):
        reading.skipped["sep"] += 1
    gaps = balance_gaps(reading.rows, reading.balances)
    return StatementFile(
        reading.rows,
        dict(reading.skipped),
        tuple(accounts),
        reading.balances,
        tuple(gaps),
        # They were compared where each side has a column of its own.
        reading.has_totals and mapping.amount.kind == "sides",
    )


@dataclass(slots=True)
class _RowReader:
    """What was read so far: rows, faults, and what the trailer must agree with."""

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

    def take(self, number: int, cells: Sequence[str]) -> None:
        """Take a row of the file: a line of the statement, its trailer, or nothing."""
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
            self._take_line(number, cells)

    def _furniture(self, first: str, cells: Sequence[str]) -> str | None:
        """What a row is that is no line of the statement, None if it may be one."""
        if any(first.startswith(caseless(words)) for words in self.mapping.skip):
            return "balance"
        names = self.header.names
        if caseless(cells[0]) == names[0] and [caseless(cell) for cell in cells] == names:
            return "header"
        if _PAGE_SUM.match(without_marks(first)) and not self._is_dated(cells):
            return "page_sum"
        if self._moves_nothing(cells) and self._is_dated(cells):
            return "zero"
        return None

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

    def _is_like_a_line(self, cells: Sequence[str]) -> bool:
        if any(self._cell(cells, name).strip() for name in self.mapping.amount.names):
            return True
        return self._is_dated(cells)

    def _take_line(self, number: int, cells: Sequence[str]) -> None:
        before = len(self.faults)
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
