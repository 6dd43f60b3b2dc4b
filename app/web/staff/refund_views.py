"""What the pages of refunds show: the list, one of them with its transfer, and the file of all.

A refund whose transfer was ordered is awaited on a statement: from the next working day on it is
late, and after as many working days as any awaited money it is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.web.staff.day_words import DAY_WORDS
from app.web.staff.tables import TableColumn, TableRow
from app.web.texts import noted
from core import clock
from core.calendar import Calendar
from core.crypto import Cipher
from core.errors import Invalid
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.staff import find_names
from payments.agencies.banks import BANKS
from payments.refunds.payees import Payee, opened
from payments.refunds.queries import RefundValue, page_of_refunds
from reconciliation.matching.ageing import DEFAULT, stage_of, working_days_after

REFUNDS: Final = "/staff/refunds"
#: How many a file holds at most, and how many are read at a time.
MOST_IN_FILE: Final = 20_000
_AT_A_TIME: Final = 1_000

COLUMNS: Final = (
    TableColumn("reference", noted("Mã"), "code"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("way", noted("Cách trả"), "words"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("stage", noted("Chờ sao kê"), "words"),
    TableColumn("reason", noted("Lý do")),
    TableColumn("requested_at", noted("Đề nghị lúc"), "moment"),
)
#: The file of all tells whom the money goes to as well: an order to the bank is made of it.
FILE_COLUMNS: Final = (
    *COLUMNS,
    TableColumn("requested_by", noted("Người đề nghị")),
    TableColumn("bill", noted("Khoản phải nộp"), "code"),
    TableColumn("account", noted("Từ tài khoản thu"), "code"),
    TableColumn("bank_bin", noted("Mã BIN của ngân hàng nhận"), "code"),
    TableColumn("bank", noted("Ngân hàng nhận")),
    TableColumn("account_number", noted("Số tài khoản nhận"), "code"),
    TableColumn("holder", noted("Tên người nhận")),
    TableColumn("memo", noted("Nội dung chuyển khoản"), "code"),
    TableColumn("sent_at", noted("Đặt lệnh lúc"), "moment"),
    TableColumn("bank_ref", noted("Số giao dịch"), "code"),
)


#: By which way money goes back.
_WAYS: Final = {
    "bank": noted("Chuyển khoản"),
    "gateway": noted("Qua cổng đã thu"),
    "dispute": noted("Do khiếu nại"),
}
#: How far one is that the payer's bank wants.
_DISPUTED: Final = {
    "submitted": noted("cổng giữ lại, chờ quyết định"),
    "succeeded": noted("đã về người nộp"),
    "failed": noted("khiếu nại không thành, tiền vẫn của đơn vị"),
}
#: How far one is that goes by the gateway, where that is another word than for a transfer.
_AT_GATEWAY: Final = {
    "approved": noted("đã duyệt, đang gọi cổng"),
    "unknown": noted("đã gọi cổng, chưa rõ"),
}


def state_of_refund(refund: RefundValue) -> str:
    """How far a refund is, by the way that it goes; to be said by `_`."""
    if refund.way == "gateway" and refund.status in _AT_GATEWAY:
        return _AT_GATEWAY[refund.status]
    if refund.way == "dispute" and refund.status in _DISPUTED:
        return _DISPUTED[refund.status]
    told: str = DAY_WORDS["REFUND_STATES"].get(refund.status, refund.status)
    return told


def stage_of_refund(calendar: Calendar, refund: RefundValue, today: date) -> str | None:
    """How far a transfer is that was ordered and no statement has shown; None of any other."""
    if refund.way != "bank" or refund.status != "unknown" or refund.sent_at is None:
        return None
    expected_on = working_days_after(calendar, clock.business_date(refund.sent_at), 1)
    return stage_of(calendar, expected_on, DEFAULT.missing_after, today)


@dataclass(frozen=True, slots=True)
class RefundTeller:
    """What turns refunds into rows: the calendar and today for stages, a cipher for payees."""

    calendar: Calendar
    cipher: Cipher
    today: date

    def row(self, one: RefundValue) -> TableRow:
        """A refund in the list."""
        stage = stage_of_refund(self.calendar, one, self.today)
        cells = (
            one.reference,
            one.amount,
            _WAYS[one.way],
            state_of_refund(one),
            None if stage is None else DAY_WORDS["STAGES"][stage],
            one.reason,
            one.requested_at,
        )
        return TableRow(one.id, cells, f"{REFUNDS}/{one.id}")

    def payee(self, one: RefundValue) -> Payee | None:
        """Whom a refund goes to; None where nobody has said."""
        return None if one.payee is None else opened(self.cipher, one.id, one.payee)

    def file_row(self, one: RefundValue, name: str) -> TableRow:
        """A refund in the file; `name` is who asked for it."""
        payee = self.payee(one)
        bank_bin = None if payee is None else payee.bank_bin
        more = (
            name,
            one.bill,
            one.account,
            bank_bin,
            BANKS.get(bank_bin or ""),
            None if payee is None else payee.account_number,
            None if payee is None else payee.holder,
            one.reference if one.way == "bank" else None,
            one.sent_at,
            one.bank_ref,
        )
        return TableRow(one.id, (*self.row(one).cells, *more))


async def rows_of_file(
    session: ReadSession, who: Principal, teller: RefundTeller, status: str | None, way: str | None
) -> list[TableRow]:
    """All refunds that somebody sees, the newest first. Raises `Invalid` for too many."""
    found: list[RefundValue] = []
    cursor: str | None = None
    while True:
        page = await page_of_refunds(
            session, who.agency_ids, status=status, way=way, cursor=cursor, limit=_AT_A_TIME
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
        if len(found) >= MOST_IN_FILE:
            raise Invalid("Hơn 20.000 lần hoàn trả: hãy lọc theo tình trạng rồi tải.")
    names = await find_names(session, {one.requested_by for one in found})
    return [teller.file_row(one, names.get(one.requested_by, one.requested_by)) for one in found]


def sum_of_refunds(refunds: Iterable[RefundValue]) -> int:
    """What refunds come to, in đồng."""
    return sum(one.amount for one in refunds)
