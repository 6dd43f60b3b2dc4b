"""Reads a statement in SWIFT's MT940, or MT942: every line, or none. Pure.

Facts: SWIFT's Category 9 standards, fields 61 and 86, as the library mt-940 documents them. A side
is said by one letter; RC and RD take a credit or a debit back, so they stand on the other side. The
letter after it is the currency's last and no side: "CD5000," is a credit of đồng.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Final

from core.bank_refs import line_bank_ref
from core.clock import VIETNAM
from core.errors import FieldError
from core.references import find_references
from reconciliation.formats import mt940_fields as swift
from reconciliation.formats.cells import CellRefused
from reconciliation.formats.decoding import decode
from reconciliation.formats.limits import AHEAD
from reconciliation.formats.mt940_fields import SwiftField, SwiftLine
from reconciliation.formats.naming import payer_reference
from reconciliation.formats.pages import StatementPage, statement_of
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.rows import StatementRefused, StatementRow, fault_at, fault_of_file
from reconciliation.formats.statement_file import StatementFile

_TOLD_EVERY: Final = 1_000
#: What a message is sent in.
_ENVELOPE: Final = b"\x01\x03"
#: What a bank cuts a text at: a line, and one of the numbered parts of a text.
_LINE_LENGTH, _PART_LENGTH = 65, 27
_STRUCTURED = re.compile(r"\s*(?:[0-9]{3})?\?[0-9]{2}")
_PART = re.compile(r"\?([0-9]{2})")
#: The numbered parts that hold the payer's words, and those that hold who it was.
_WORDS: Final = frozenset([*(f"{n}" for n in range(20, 30)), *(f"{n}" for n in range(60, 64))])
_NAMES: Final = ("32", "33")
#: What a line is called that takes another back: those who look for such lines know the words.
_REVERSAL: Final = "(đảo giao dịch)"
_SIDES: Final = {"90C": "credit", "90D": "debit"}


def read(content: bytes, task: ReadingTask) -> StatementFile:
    """A statement file, its lines in order. Raises `StatementRefused` naming row, field, reason.

    Of several accounts only the statements of ours are taken, and the others counted. Expected
    lines (EC, ED) and those that move nothing are counted too.
    """
    reading = _MessageReader(task)
    for one in swift.fields_of(decode(content.translate(None, _ENVELOPE), task.encoding)):
        reading.take(one)
    reading.end_page()
    if not reading.pages and not reading.faults:
        detail = "Không có bản sao kê MT940 nào (:20:) trong tệp."
        raise StatementRefused([fault_of_file("not_mt940", detail)])
    follows = "Tệp dừng ở số dư tạm (:62M:): còn trang sau."
    return statement_of(reading.pages, task.account_number, reading.faults, follows)


@dataclass(slots=True)
class _OpenLine:
    """A line whose text may still go on."""

    row: int
    said: SwiftLine
    extra: list[str]
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _MessageReader:
    """What was read so far: statements, faults, and the line whose text follows."""

    task: ReadingTask
    pages: list[StatementPage] = field(default_factory=list)
    #: of what stands outside every statement
    faults: list[FieldError] = field(default_factory=list)
    page: StatementPage | None = None
    line: _OpenLine | None = None
    row_count: int = 0
    currency_told: bool = False
    totals: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    sums: dict[str, list[int]] = field(default_factory=dict)

    def take(self, one: SwiftField) -> None:
        """Take a field. A fault of it is kept; the next is read all the same."""
        broken = [
            one.row + number
            for number, line in enumerate(one.lines)
            if (number or not one.mark) and swift.is_like_a_field(line)
        ]
        for row in broken:
            self._fault(row, "", "broken_field", "giống một trường bị hỏng dấu")
        try:
            self._take(one)
        except CellRefused as refused:
            self._fault(one.row, f":{one.mark}:", refused.code, refused.detail)

    def _take(self, one: SwiftField) -> None:
        if one.mark not in ("86", "NS"):
            self._end_line()
        text = one.lines[0].rstrip()
        if one.mark == "-":
            self.end_page()
        elif one.mark == "20":
            self.end_page()
            self.page = StatementPage(one.row)
            self.pages.append(self.page)
            self.currency_told = False
            self.totals = {}
            self.sums = {"credit": [], "debit": []}
        elif one.mark == "":
            return
        elif one.mark not in swift.KNOWN:
            raise CellRefused("unknown_field", "không phải trường của MT940")
        elif self.page is None:
            raise CellRefused("no_message", "đứng ngoài bản sao kê: thiếu :20: ở trước")
        else:
            self._take_of_page(self.page, one, text)

    def _take_of_page(self, page: StatementPage, one: SwiftField, text: str) -> None:
        mark = one.mark
        if mark in ("25", "25P"):
            page.account = swift.read_account(text)
            if not page.account:
                raise CellRefused("account", "không có số tài khoản")
        elif mark in ("28", "28C"):
            page.name = text.strip()
        elif mark == "34F":
            self.currency_told = True
            swift.check_currency(text[:3])
        elif mark in ("60F", "60M"):
            if page.opening is not None or page.rows:
                raise CellRefused("balance", "số dư đầu đứng sai chỗ hoặc có hai lần")
            self.currency_told = True
            page.opening = (swift.read_balance(text), one.row)
        elif mark in ("62F", "62M"):
            if page.closing is not None:
                raise CellRefused("balance", "có hai số dư cuối")
            page.closing = (swift.read_balance(text), one.row)
            page.is_last = mark == "62F"
        elif mark in _SIDES:
            self.currency_told = True
            self.totals[mark] = (*swift.read_total(text), one.row)
        elif mark == "61":
            self._take_line(page, one, text)
        elif mark == "86" and self.line is not None:
            self.line.text += one.lines

    def _take_line(self, page: StatementPage, one: SwiftField, text: str) -> None:
        if page.closing is not None or page.account == "":
            raise CellRefused("line", "dòng giao dịch đứng sai chỗ trong bản sao kê")
        if self.row_count >= self.task.limits.rows:
            detail = f"quá {self.task.limits.rows} dòng"
            raise StatementRefused([fault_at(one.row, "", "too_many_rows", detail)])
        self.row_count += 1
        if self.task.tell is not None and self.row_count % _TOLD_EVERY == 0:
            self.task.tell(self.row_count)
        if swift.is_expected(text):
            page.skipped["expected"] += 1
            return
        said = swift.read_line(text)
        if said.booked_on > self.task.on + AHEAD:
            raise CellRefused("future", f"ngày {said.booked_on:%d/%m/%Y} ở xa trong tương lai")
        self.sums[said.direction].append(said.amount)
        if said.amount == 0:
            page.skipped["zero"] += 1
            return
        self.line = _OpenLine(one.row, said, one.lines[1:])

    def _end_line(self) -> None:
        line, self.line = self.line, None
        if line is None or self.page is None:
            return
        narrative = narrative_of(line.text, line.extra)
        if line.said.is_reversal:
            narrative = f"{narrative} {_REVERSAL}".strip()
        if len(narrative) > self.task.limits.cell:
            self._fault(line.row, ":86:", "too_long", f"dài quá {self.task.limits.cell} ký tự")
        customer, bank_ref = references_of(line.said)
        reference, narrative = payer_reference(customer, narrative)
        self.page.rows.append(
            StatementRow(
                line_no=line.row,
                booked_at=_midnight(line.said.booked_on),
                amount=line.said.amount,
                direction=line.said.direction,
                reference=reference,
                narrative=narrative,
                bank_ref=bank_ref,
            )
        )

    def end_page(self) -> None:
        """After the last field of a statement: whether it is whole, and its totals agree."""
        self._end_line()
        page = self.page
        if page is None:
            return
        if not page.account:
            self._fault(page.row, ":25:", "account", "bản sao kê không có số tài khoản")
        if page.opening is not None and page.closing is None:
            self._fault(page.row, ":62F:", "cut", "không có số dư cuối: tệp có thể bị cắt")
        elif not self.currency_told:
            self._fault(page.row, ":60F:", "currency", "bản sao kê không ghi loại tiền")
        for mark, (count, total, row) in self.totals.items():
            amounts = self.sums[_SIDES[mark]]
            if (len(amounts), sum(amounts)) != (count, total):
                detail = f"ghi {count} dòng, {total}; đọc được {len(amounts)}, {sum(amounts)}"
                self._fault(row, f":{mark}:", "total", detail)
        if len(self.totals) == len(_SIDES):
            page.has_totals = True
        self.page = None

    def _fault(self, row: int, column: str, code: str, detail: str) -> None:
        faults = self.faults if self.page is None else self.page.faults
        faults.append(fault_at(row, column, code, detail))


def narrative_of(text: list[str], extra: list[str]) -> str:
    """The words of a line: field 86 with its parts joined, then what field 61 adds.

    A line or part that is as long as it may be was cut, and is joined without a blank: a reference
    that was wrapped stays whole.
    """
    said = _structured(text) if _STRUCTURED.match("".join(text)) else _joined(text, _LINE_LENGTH)
    return " ".join(filter(None, (said, _joined(extra, _LINE_LENGTH))))


def references_of(said: SwiftLine) -> tuple[str | None, str]:
    """The payer's reference and the bank's; what stands where there is none is neither.

    Where a line has one reference only, it is the bank's, unless it names a bill of ours. A stored
    line is known by both: what is none must not be learnt anew (`line_bank_ref`).
    """
    customer = said.customer_ref if line_bank_ref(said.customer_ref) else ""
    bank = said.bank_ref if line_bank_ref(said.bank_ref) else ""
    if bank or find_references(customer):
        return customer or None, bank
    return None, customer


def _structured(text: list[str]) -> str:
    pieces = _PART.split("".join(text))
    parts = list(zip(pieces[1::2], pieces[2::2], strict=True))
    words = _joined([said for number, said in parts if number in _WORDS], _PART_LENGTH)
    names = " ".join(said.strip() for number, said in parts if number in _NAMES)
    return " ".join(filter(None, (words, names)))


def _joined(parts: list[str], full: int) -> str:
    joined = ""
    for part in parts:
        joined += part if len(part) >= full else f"{part} "
    return " ".join(joined.split())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
