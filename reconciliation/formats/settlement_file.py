"""Reads a gateway's settlement file, CSV or XLSX, by its layout: every row, or none. Pure.

Of each row, and of the totals, the net must be the amount less the fee: what does not add up is
refused, and never mended here.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from core.bank_refs import is_rounded
from core.clock import business_date
from core.errors import FieldError
from core.folding import caseless
from reconciliation.formats.cells import ISO, CellRefused, quoted, read_time
from reconciliation.formats.csv_statement import has_header
from reconciliation.formats.decoding import check_encoding, decode
from reconciliation.formats.headers import Header, csv_fault, get_header, rows_of
from reconciliation.formats.limits import AHEAD, Limits, check_size
from reconciliation.formats.lost_thousands import lost_of_gateway
from reconciliation.formats.row_reader import SpoiltCells
from reconciliation.formats.rows import StatementRefused, fault_at, fault_of_file
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.formats.settlement_rows import BACK, SettlementKind, SettlementRow
from reconciliation.formats.xlsx_cells import Role
from reconciliation.formats.xlsx_statement import SheetLine, cells_by, refuse_mixed_days

#: A gateway's day at one body; what is larger is split by the gateway's own days.
SETTLEMENT_LIMITS: Final = Limits(size=8 * 2**20, rows=50_000, cell=200)
_MONEY: Final = ("amount", "fee", "net")
_ROLES: Final[dict[str, Role]] = {
    "batch_ref": "reference",
    "order_ref": "reference",
    "gateway_ref": "reference",
    "kind": "text",
    "settled_on": "time",
    "paid_at": "time",
    "amount": "amount",
    "fee": "amount",
    "net": "amount",
}
_XLSX: Final = b"PK\x03\x04"
#: A gateway pays over after the payment; no day of it lies further ahead of today.
_DAYS_AHEAD: Final = timedelta(days=30)


def read_settlement(
    content: bytes,
    layout: SettlementLayout,
    on: date,
    *,
    encoding: str | None = None,
    limits: Limits = SETTLEMENT_LIMITS,
) -> list[SettlementRow]:
    """The rows of a settlement file, in their order. `on` is the day by which it is judged.

    Raises `StatementRefused` naming every bad row and column, and `UnknownEncoding`.
    """
    check_encoding(encoding)
    check_size(content, limits)
    if content.startswith(_XLSX):
        columns = layout.columns
        roles = {columns[name]: role for name, role in _ROLES.items() if name in columns}
        header, lines = cells_by(content, layout.heading, roles)
        # What is a day for the spreadsheet comes with its time and zone.
        reading = _SettlementReader(layout, header, limits, on, (ISO,))
        reading.take_all(lines)
    else:
        text = decode(content, encoding, known_by=partial(has_header, layout.heading))
        header = get_header(text, layout.heading)
        reading = _SettlementReader(layout, header, limits, on)
        reading.take_all(_csv_lines(text, header, reading.faults))
    return reading.rows_read()


def _csv_lines(text: str, header: Header, faults: list[FieldError]) -> Iterator[SheetLine]:
    """The rows below the heading. Raises `StatementRefused` where one is no CSV."""
    number = 0
    try:
        for number, cells in rows_of(text, header.delimiter):
            if number > header.row:
                yield SheetLine(number, cells, {})
    except csv.Error as error:
        raise StatementRefused([*faults, csv_fault(error, number + 1)]) from None


@dataclass(slots=True)
class _SettlementReader:
    """What was read so far: rows and faults, and the sums that the totals must be."""

    layout: SettlementLayout
    header: Header
    limits: Limits
    on: date
    more_times: tuple[str, ...] = ()
    rows: list[SettlementRow] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    has_totals: bool = False
    #: by column and row, of what tells a time
    days: dict[str, dict[int, bool]] = field(init=False)

    def __post_init__(self) -> None:
        self.days = {name: {} for name in ("settled_on", "paid_at") if name in self.layout.columns}

    def take_all(self, lines: Iterable[SheetLine]) -> None:
        """Take each row of the file. Raises `StatementRefused` where there are too many."""
        for line in lines:
            number, cells = line.number, line.texts
            filled = [cell for cell in cells if cell.strip()]
            if not filled:
                continue
            if len(self.rows) >= self.limits.rows:
                many = f"quá {self.limits.rows} dòng"
                raise StatementRefused([fault_at(number, "", "too_many_rows", many)])
            totals = self.layout.totals
            if totals and caseless(filled[0]).startswith(caseless(totals)):
                self._check_totals(number, cells)
            elif self.has_totals:
                # Signatures may follow the totals, a row of the file must not.
                if any(map(str.isdigit, self._cell(cells, "amount"))):
                    self._fault(number, "", "after_trailer", "dòng này đứng sau dòng tổng")
            else:
                before = len(self.rows)
                self._take(number, cells, line.spoilt)
                if len(self.rows) > before:
                    self._note_days(line)

    def rows_read(self) -> list[SettlementRow]:
        """After the last row. Raises `StatementRefused` where there was a fault, or no row."""
        if self.layout.totals_required and not self.has_totals:
            detail = f'Không có dòng "{self.layout.totals}" ở cuối: tệp có thể bị cắt.'
            self.faults.append(fault_of_file("cut", detail))
        if not self.rows and not self.faults:
            self.faults.append(fault_of_file("empty", "Tệp không có dòng giao dịch nào."))
        if not self.faults:
            for name, days in self.days.items():
                refuse_mixed_days(days, self.layout.columns[name])
            self.faults += lost_of_gateway(self.rows, self.layout)
        if self.faults:
            raise StatementRefused(self.faults)
        return self.rows

    def _note_days(self, line: SheetLine) -> None:
        """Which of the row's times the spreadsheet has read as days."""
        for name, days in self.days.items():
            if self._cell(line.texts, name):
                days[line.number] = self.header.columns[self.layout.columns[name]] in line.days

    def _take(self, number: int, cells: Sequence[str], spoilt: SpoiltCells) -> None:
        before = len(self.faults)
        self._check_shape(number, cells, spoilt)
        if len(self.faults) > before:
            return
        kind = self._kind(number, cells)
        money = self._money(number, cells, kind)
        settled_on = self._day(number, cells)
        paid_at = None
        if "paid_at" in self.layout.columns and self._cell(cells, "paid_at"):
            paid_at = self._time(number, cells, "paid_at", self.layout.times)
            if paid_at and business_date(paid_at) > self.on + AHEAD:
                self._fault(number, "paid_at", "future", "ở xa trong tương lai")
        for name in ("batch_ref", "order_ref", "gateway_ref"):
            if is_rounded(self._cell(cells, name)):
                detail = "mã số đã bị bảng tính làm tròn; hãy xuất lại tệp từ cổng"
                self._fault(number, name, "mangled", detail)
        if not self._cell(cells, "batch_ref"):
            self._fault(number, "batch_ref", "empty", "để trống")
        order_ref, gateway_ref = self._cell(cells, "order_ref"), self._cell(cells, "gateway_ref")
        if not order_ref and not gateway_ref and kind != "adjustment":
            self._fault(number, "", "empty", "không có mã của cổng, cũng không có mã của ta")
        if len(self.faults) > before or money is None or settled_on is None:
            return
        row = SettlementRow(
            line_no=number,
            batch_ref=self._cell(cells, "batch_ref"),
            settled_on=settled_on,
            kind=kind,
            order_ref=order_ref,
            gateway_ref=gateway_ref,
            amount=money["amount"],
            fee=money["fee"],
            net=money["net"],
            paid_at=paid_at,
        )
        self.sums.update({name: row.sign * money[name] for name in _MONEY})
        self.rows.append(replace(row, fee=max(row.fee, 0), net=row.amount - max(row.fee, 0)))
        if row.fee < 0:
            # What the gateway takes for a dispute is no part of what the payer has back.
            own = replace(row, kind="adjustment", amount=row.fee, fee=0, net=row.fee)
            self.rows.append(own)

    def _check_shape(self, number: int, cells: Sequence[str], spoilt: SpoiltCells) -> None:
        width = len(self.header.names)
        for name, place in self.header.columns.items():
            if refused := spoilt.get(place):
                self.faults.append(fault_at(number, name, refused.code, refused.detail))
        if any(cell.strip() for cell in cells[width:]) or len(cells) < width:
            detail = f"có {len(cells)} ô, cần {width}"
            self._fault(number, "", "width", detail)
        for name in self.layout.columns:
            if len(self._cell(cells, name)) > self.limits.cell:
                self._fault(number, name, "too_long", f"ô dài quá {self.limits.cell} ký tự")
            elif not self._cell(cells, name).isprintable():
                self._fault(number, name, "unprintable", "ô có ký tự điều khiển")

    def _kind(self, number: int, cells: Sequence[str]) -> SettlementKind:
        if "kind" not in self.layout.columns:
            return "payment"
        said = caseless(self._cell(cells, "kind"))
        for kind, words in self.layout.words.items():
            if said in map(caseless, words):
                return kind
        every = ", ".join(word for words in self.layout.words.values() for word in words)
        self._fault(number, "kind", "kind", f"cần một trong: {every}")
        return "payment"

    def _money(
        self, number: int, cells: Sequence[str], kind: SettlementKind
    ) -> dict[str, int] | None:
        """The three amounts of a row in đồng, as its kind has them; None after a fault."""
        money = {name: self._amount(number, cells, name) for name in _MONEY}
        found = {name: amount for name, amount in money.items() if amount is not None}
        if len(found) < len(_MONEY):
            return None
        if kind in BACK and self.layout.refunds == "negative":
            found = {name: -amount for name, amount in found.items()}
        if kind == "adjustment":
            wrong = None if found["net"] else "net"
        else:
            least = {"amount": 1, "fee": 0, "net": 0}
            if kind in BACK and self.layout.refunds == "negative":
                del least["fee"]  # it has a sign here: some charge for a dispute, see `_take`
            wrong = next((name for name, low in least.items() if found[name] < low), None)
        if wrong is not None:
            self._fault(number, wrong, "amount", "số tiền không hợp lệ về dấu, hoặc bằng 0")
            return None
        if found["net"] != found["amount"] - found["fee"]:
            expected = found["amount"] - found["fee"]
            self._fault(number, "net", "net", f"ghi {found['net']}, số tiền trừ phí là {expected}")
            return None
        return found

    def _amount(self, number: int, cells: Sequence[str], name: str) -> int | None:
        try:
            units = self.layout.style.read(self._cell(cells, name))
        except CellRefused as refused:
            self._fault(number, name, refused.code, refused.detail)
            return None
        amount, rest = divmod(units, self.layout.scale)
        if rest:
            said = quoted(self._cell(cells, name))
            self._fault(number, name, "scale", f"{said} không chia hết cho {self.layout.scale}")
            return None
        return amount

    def _day(self, number: int, cells: Sequence[str]) -> date | None:
        moment = self._time(number, cells, "settled_on", self.layout.days)
        if moment is None:
            return None
        if business_date(moment) > self.on + _DAYS_AHEAD:
            self._fault(number, "settled_on", "future", "ở xa trong tương lai")
        return business_date(moment)

    def _time(
        self, number: int, cells: Sequence[str], name: str, formats: Sequence[str]
    ) -> datetime | None:
        try:
            return read_time(self._cell(cells, name), (*self.more_times, *formats))
        except CellRefused as refused:
            self._fault(number, name, refused.code, refused.detail)
            return None

    def _check_totals(self, number: int, cells: Sequence[str]) -> None:
        self.has_totals = True
        if self.faults:
            return  # they cannot agree
        told = {name: self._amount(number, cells, name) for name in _MONEY}
        for name, total in told.items():
            if total is not None and total != self.sums[name]:
                detail = f"tổng ghi {total}, các dòng cộng lại {self.sums[name]}"
                self._fault(number, name, "total", detail)

    def _cell(self, cells: Sequence[str], name: str) -> str:
        column = self.layout.columns.get(name)
        if column is None:
            return ""
        place = self.header.columns[column]
        return cells[place].strip() if place < len(cells) else ""

    def _fault(self, number: int, name: str, code: str, detail: str) -> None:
        self.faults.append(fault_at(number, self.layout.columns.get(name, name), code, detail))
