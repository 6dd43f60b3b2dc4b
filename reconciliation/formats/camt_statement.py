"""Reads a statement in ISO 20022's camt.053, or camt.054: every entry, or none. Pure.

It is read as a stream, element by element. A document type is refused before anything is read, and
with it every entity: nothing can grow, and nothing is fetched.
"""

import codecs
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from core.clock import business_date
from core.errors import FieldError
from reconciliation.formats import camt_fields as camt
from reconciliation.formats.camt_fields import Element, ElementRefused, EntryTexts
from reconciliation.formats.decoding import check_is_text, decode
from reconciliation.formats.limits import AHEAD
from reconciliation.formats.pages import StatementPage, statement_of
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.rows import (
    Direction,
    StatementRefused,
    StatementRow,
    fault_at,
    fault_of_file,
)
from reconciliation.formats.statement_file import StatementFile

_TOLD_EVERY: Final = 1_000
_STATEMENTS: Final = frozenset({"Stmt", "Ntfctn"})
_REPORT: Final = "Rpt"
#: What no message has, in any encoding of one or two bytes.
_NOT_OURS: Final = (b"<!DOCTYPE", b"<!ENTITY")
_OPENING, _CLOSING = ("OPBD", "PRCD"), "CLBD"
_TOTALS: Final = (("TtlNtries", "all"), ("TtlCdtNtries", "credit"), ("TtlDbtNtries", "debit"))
#: So many elements and attributes a message may have, as 64 MiB of entries do: what is not of an
#: entry is kept in memory until the end.
_MOST_ELEMENTS: Final = 4_000_000
#: What an entry is called that takes another back: those who look for such lines know the words.
_REVERSAL: Final = "(đảo giao dịch)"


def read(content: bytes, task: ReadingTask) -> StatementFile:
    """A statement file, its entries in order. Raises `StatementRefused` with row and element.

    An entry of several transactions gives a row for each where their amounts come to its own,
    otherwise one. A row's number is the line of the file where its entry begins; where several
    stand in one line they are counted on. Only booked entries are taken, the others are counted.
    """
    check_is_text(content)
    if task.encoding is not None:
        content = decode(content, task.encoding).encode()
    # A second mark is left by programs that put one before what had one already.
    if more := _MARKS_BEFORE_THE_LAST.match(content):
        content = content[more.end() :]
    plain = content.replace(b"\x00", b"") if b"\x00" in content else content
    if any(word in plain for word in _NOT_OURS):
        raise StatementRefused([_DOCTYPE])
    if plain.count(b"<") - plain.count(b"</") + plain.count(b"=") > _MOST_ELEMENTS:
        raise StatementRefused([fault_of_file("too_large", "Tệp XML có quá nhiều phần tử.")])
    reading = _DocumentReader(task)
    try:
        _stream(content, task.encoding and "utf-8", reading)
    except etree.XMLSyntaxError as error:
        detail = "XML hỏng, bị cắt, hoặc không theo bảng mã mà nó ghi"
        raise StatementRefused([fault_at(error.lineno or 1, "", "xml", detail)]) from None
    if not reading.pages and not reading.faults:
        detail = "Không có bản sao kê camt.053 (Stmt) hay camt.054 (Ntfctn) nào trong tệp."
        raise StatementRefused([fault_of_file("not_camt", detail)])
    follows = "Tệp ghi rằng còn trang sau (LastPgInd)."
    return statement_of(reading.pages, task.account_number, reading.faults, follows)


_MARK: Final = codecs.BOM_UTF8
_MARKS_BEFORE_THE_LAST: Final = re.compile(rb"(?:%b)+(?=%b)" % (_MARK, _MARK))
_DOCTYPE: Final = fault_of_file("doctype", "Tệp XML có DOCTYPE hoặc ENTITY; sao kê không cần.")


def _stream(content: bytes, encoding: str | None, reading: "_DocumentReader") -> None:
    events = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in (*_STATEMENTS, *_TAKEN, _REPORT, "LastPgInd")],
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for event, element in events:
        if event == "start" and element.getroottree().docinfo.internalDTD is not None:
            raise StatementRefused([_DOCTYPE])
        if event == "start":
            reading.enter(element)
        elif reading.leave(element):
            element.clear()
            while (before := element.getprevious()) is not None:
                parent = before.getparent()
                if parent is None:
                    break
                parent.remove(before)


@dataclass(slots=True)
class _EntrySums:
    """How many entries there are and what they come to, by side."""

    counts: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)

    def add(self, direction: Direction, amount: int) -> None:
        """Count an entry."""
        for name in (direction, "all"):
            self.counts[name] += 1
            self.sums[name] += amount


@dataclass(slots=True)
class _DocumentReader:
    """What was read so far: statements, faults, and what the present one must agree with."""

    task: ReadingTask
    pages: list[StatementPage] = field(default_factory=list)
    #: of what stands outside every statement
    faults: list[FieldError] = field(default_factory=list)
    page: StatementPage | None = None
    #: whether it says nothing of pages that follow
    is_last: bool = True
    entry_count: int = 0
    row_no: int = 0
    row_count: int = 0
    #: of the entries that are booked, and of all
    booked: _EntrySums = field(default_factory=_EntrySums)
    told: _EntrySums = field(default_factory=_EntrySums)
    summary: list[tuple[str, str, int, int]] = field(default_factory=list)

    def enter(self, element: Element) -> None:
        """An element begins: a statement, perhaps."""
        name = camt.name_of(element)
        if name in _STATEMENTS and self.page is None:
            self.page = StatementPage(element.sourceline or 1)
            self.pages.append(self.page)
            self.booked, self.told, self.summary = _EntrySums(), _EntrySums(), []
            self.entry_count = 0
        elif name == _REPORT:
            detail = "báo cáo trong ngày (camt.052); cần camt.053 hoặc camt.054"
            self._fault(element.sourceline or 1, name, "not_camt", detail)

    def leave(self, element: Element) -> bool:
        """An element ends; whether it is done with and may be forgotten."""
        name = camt.name_of(element)
        parent = element.getparent()
        inside = "" if parent is None else camt.name_of(parent)
        if name == "LastPgInd" and parent is not None:
            self._guarded(lambda: self._take_pagination(parent))
        if name in _STATEMENTS and self.page is not None:
            self._end_page(self.page)
            return True
        if name == "Ntry" and (inside not in _STATEMENTS or self.page is None):
            self._fault(element.sourceline or 1, name, "element", "đứng ngoài bản sao kê")
            return True
        if inside not in _STATEMENTS or self.page is None or name not in _TAKEN:
            return False
        page = self.page
        self._guarded(lambda: _TAKEN[name](self, page, element))
        return True

    def _guarded(self, take: Callable[[], None]) -> None:
        try:
            take()
        except ElementRefused as refused:
            self._fault(refused.row, refused.name, refused.code, refused.detail)

    def _take_pagination(self, pagination: Element) -> None:
        self.is_last = camt.read_flag(pagination, "LastPgInd")

    def _take_account(self, page: StatementPage, element: Element) -> None:
        if page.account:
            raise ElementRefused(element, "Acct", "duplicate", "có hai lần")
        page.account = camt.read_number_of(element)
        statement = element.getparent()
        page.name = "" if statement is None else camt.get_text(statement, "Id")
        camt.check_account_currency(element)

    def _take_balance(self, page: StatementPage, element: Element) -> None:
        kind = camt.get_text(element, "Tp/CdOrPrtry/Cd")
        if kind not in (*_OPENING, _CLOSING):
            return
        amount = self._amount_of(element)
        told = (amount if camt.read_side(element) == "credit" else -amount, self._row(element))
        if kind == _CLOSING:
            if page.closing not in (None, told):
                raise ElementRefused(element, "Bal", "balance", "có hai số dư cuối")
            page.closing = told
        elif kind == _OPENING[0] or page.opening is None:
            page.opening = told

    def _amount_of(self, element: Element) -> int:
        found = camt.find_only(element, "Amt")
        if found is None:
            raise ElementRefused(element, "Amt", "amount", "không có số tiền")
        return camt.read_amount(found)

    def _take_summary(self, _: StatementPage, element: Element) -> None:
        for name, side in _TOTALS:
            total = camt.find_only(element, name)
            if total is None:
                continue
            for inside, what in (("NbOfNtries", "counts"), ("Sum", "sums")):
                said = camt.find_only(total, inside)
                if said is not None:
                    self.summary.append((what, side, camt.read_sum(said), self._row(said)))

    def _take_entry(self, page: StatementPage, entry: Element) -> None:
        self.entry_count += 1
        amount, direction = self._amount_of(entry), camt.read_side(entry)
        status = camt.read_status(entry)
        is_reversal = camt.read_flag(entry, "RvslInd")
        self.told.add(direction, amount)
        if status != "BOOK":
            page.skipped[camt.UNBOOKED[status]] += 1
            return
        self.booked.add(direction, amount)
        booked_at = camt.read_booked(entry)
        if business_date(booked_at) > self.task.on + AHEAD:
            detail = f"ngày {booked_at:%d/%m/%Y} ở xa trong tương lai"
            raise ElementRefused(entry, "BookgDt", "future", detail)
        if amount == 0:
            page.skipped["zero"] += 1
            return
        details = camt.elements_at(entry, "NtryDtls/TxDtls")
        for share, side, texts in self._shares(entry, details, amount, direction):
            words = f"{texts.narrative} {_REVERSAL}".strip() if is_reversal else texts.narrative
            if (
                max(map(len, (words, texts.bank_ref, texts.reference or "")))
                > self.task.limits.cell
            ):
                detail = f"dài quá {self.task.limits.cell} ký tự"
                raise ElementRefused(entry, "Ntry", "too_long", detail)
            page.rows.append(
                StatementRow(
                    line_no=self._next_row(entry),
                    booked_at=booked_at,
                    amount=share,
                    direction=side,
                    reference=texts.reference,
                    narrative=words,
                    bank_ref=texts.bank_ref,
                )
            )

    def _shares(
        self, entry: Element, details: list[Element], amount: int, direction: Direction
    ) -> list[tuple[int, Direction, EntryTexts]]:
        """The rows of an entry: one for each of its transactions where they come to its amount."""
        parts = [self._part_of(one, direction) for one in details]
        known = [part for part in parts if part is not None]
        sides = {"credit": 1, "debit": -1}
        total = sum(sides[side] * share for share, side in known)
        if len(known) == len(details) > 1 and total == sides[direction] * amount:
            return [
                (share, side, camt.transaction_texts(entry, one, side))
                for one, (share, side) in zip(details, known, strict=True)
            ]
        texts = camt.entry_texts(entry, details, direction)
        if len(details) > 1 and len(texts.narrative) > self.task.limits.cell:
            texts = EntryTexts(None, texts.bank_ref, f"Lô {len(details)} giao dịch")
        return [(amount, direction, texts)]

    def _part_of(self, detail: Element, otherwise: Direction) -> tuple[int, Direction] | None:
        """Amount and side of a transaction, None where it tells no amount in đồng."""
        side = camt.read_side(detail, otherwise=otherwise)
        for path in ("Amt", "AmtDtls/TxAmt/Amt"):
            found = camt.find_only(detail, path)
            if found is not None:
                if found.get("Ccy") != "VND":
                    camt.own_text(found)
                    return None
                amount = camt.read_amount(found)
                return (amount, side) if amount else None
        return None

    def _end_page(self, page: StatementPage) -> None:
        if not page.account:
            self._fault(page.row, "Acct", "account", "bản sao kê không có số tài khoản")
        agrees = [
            all(getattr(sums, what)[side] == said for what, side, said, _ in self.summary)
            for sums in (self.booked, self.told)
        ]
        if not any(agrees) and not page.faults:
            for what, side, said, row in self.summary:
                found = getattr(self.booked, what)[side]
                if found != said:
                    name = "NbOfNtries" if what == "counts" else "Sum"
                    self._fault(row, name, "total", f"ghi {said}, đọc được {found}")
        sums_told = {side for what, side, _, _ in self.summary if what == "sums"}
        page.has_totals = any(agrees) and {"credit", "debit"} <= sums_told
        page.is_last = self.is_last
        self.page = None

    def _row(self, element: Element) -> int:
        return element.sourceline or 1

    def _next_row(self, element: Element) -> int:
        self.row_count += 1
        if self.row_count > self.task.limits.rows:
            detail = f"quá {self.task.limits.rows} dòng"
            raise StatementRefused([fault_at(self._row(element), "", "too_many_rows", detail)])
        if self.task.tell is not None and self.row_count % _TOLD_EVERY == 0:
            self.task.tell(self.row_count)
        self.row_no = max(self.row_no + 1, self._row(element))
        return self.row_no

    def _fault(self, row: int, column: str, code: str, detail: str) -> None:
        where = f"Ntry thứ {self.entry_count}: " if self.page and self.entry_count else ""
        faults = self.faults if self.page is None else self.page.faults
        faults.append(fault_at(row, column, code, f"{where}{detail}"))


#: What is taken of a statement, by the name of its element.
_TAKEN: Final[dict[str, Callable[[_DocumentReader, StatementPage, Element], None]]] = {
    "Acct": _DocumentReader._take_account,
    "Bal": _DocumentReader._take_balance,
    "TxsSummry": _DocumentReader._take_summary,
    "Ntry": _DocumentReader._take_entry,
}
