"""Money of a bill that is not simply its payment: over, double, held, or come too late.

Whoever paid it has to see on the page that it has come, what becomes of it and whom to call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.money import format_vnd
from payments.bills.queries import BillValue, PaymentValue
from payments.books.allocation import Reason
from payments.catalogue.rules.wording import LocalizedText, vnd
from payments.summaries import PlacedMoney

_REASONS = {
    Reason.EXCESS: LocalizedText(
        "Số tiền chuyển đến nhiều hơn khoản phải nộp.", "More came than was due."
    ),
    Reason.BILL_ALREADY_PAID: LocalizedText(
        "Khoản này đã được nộp đủ trước đó: đây là lần nộp thứ hai.",
        "The bill had been paid already: this is a second payment.",
    ),
    Reason.NOTHING_OWED: LocalizedText(
        "Khoản này không phải nộp tiền.", "There was nothing to pay."
    ),
    Reason.BILL_CANCELLED: LocalizedText(
        "Tiền đến khi khoản này đã hủy.", "The bill had been cancelled when it came."
    ),
    Reason.AMOUNT_MISMATCH: LocalizedText(
        "Thông tin cổng thanh toán báo về không khớp với lần thanh toán này.",
        "What the gateway told does not agree with this payment.",
    ),
    Reason.HELD_BY_GATEWAY: LocalizedText(
        "Cổng thanh toán đang kiểm tra giao dịch này.", "The gateway is looking at this payment."
    ),
    Reason.CONFLICTING_NOTICE: LocalizedText(
        "Ngân hàng hoặc cổng báo hai số tiền khác nhau cho một giao dịch.",
        "The bank or gateway told of two amounts for one payment.",
    ),
    Reason.POSSIBLE_DUPLICATE: LocalizedText(
        "Có thể là giao dịch đã được báo trước đó.",
        "It may be a payment that was told of before.",
    ),
    Reason.DATED_AHEAD: LocalizedText(
        "Ngân hàng hoặc cổng ghi ngày giao dịch ở xa trong tương lai.",
        "The bank or gateway dates it far ahead.",
    ),
    Reason.DATED_BEFORE: LocalizedText(
        "Ngân hàng hoặc cổng ghi ngày giao dịch từ trước khi có tài khoản này.",
        "The bank or gateway dates it before there was this account.",
    ),
    Reason.GATEWAY_SETTLEMENT: LocalizedText(
        "Có thể là tiền cổng thanh toán chuyển về cho những lần nộp đã ghi nhận.",
        "It may be what a gateway pays over of payments that are recorded already.",
    ),
    Reason.UNSIGNED_NOTICE: LocalizedText(
        "Thông báo chưa được ký xác nhận; đang chờ sao kê hoặc nguồn thứ hai.",
        "The notice was not signed; it waits for the statement or a second source.",
    ),
    Reason.STATEMENT_ONLY: LocalizedText(
        "Tiền mới thấy trên sao kê của ngân hàng; kế toán đang duyệt.",
        "Only the bank's statement tells of it so far; the accountants are looking at it.",
    ),
}
_APPROVED = LocalizedText(
    "Cơ quan đã duyệt hoàn trả và đang chuyển tiền.",
    "The body has approved it and the transfer is under way.",
)
_PAID_BACK = LocalizedText(
    "Tiền đã được chuyển trả, theo sao kê của tài khoản thu.",
    "It was transferred back, as the statement of the body's account shows.",
)
_TAKEN_BACK = LocalizedText(
    "Theo sao kê của tài khoản thu, tiền đã nộp không còn ở cơ quan thu: khoản này phải nộp lại.",
    "The body no longer has it, as its account's statement shows: the bill is to be paid again.",
)
_OTHERWISE = LocalizedText("Cán bộ cần xem lại.", "An officer has to look at it.")


class Fate(StrEnum):
    """What becomes of odd money: an officer looks at it, it will go back, or it went back: by
    the body's transfer, or because the bank took it back."""

    LOOKED_AT = "looked_at"
    REFUNDABLE = "refundable"
    PAID_BACK = "paid_back"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class OddMoney:
    """One payment's money that is not with its bill. `amount` in đồng."""

    payment_id: str
    amount: int
    fate: Fate
    why: LocalizedText
    title: LocalizedText
    came_at: datetime | None


def odd_money(
    bill: BillValue, places: Mapping[str, PlacedMoney], titles: Mapping[str, LocalizedText]
) -> tuple[OddMoney, ...]:
    """What came for `bill` and is not simply its payment; short money that waits for the rest is.

    `titles` are what citizens call the gateways.
    """
    found = []
    for payment in bill.payments:
        placed = places.get(payment.id, PlacedMoney())
        title = titles.get(payment.gateway, LocalizedText("", ""))
        came = payment.paid_at
        odd, short = _why(payment, placed.reason), placed.reason == Reason.SHORT
        parts = (
            (placed.refundable, Fate.REFUNDABLE, odd),
            (0 if short else placed.suspense, Fate.LOOKED_AT, odd),
            (placed.paying_back, Fate.REFUNDABLE, _APPROVED),
            (placed.paid_back, Fate.PAID_BACK, _PAID_BACK),
            (_taken_back(bill, placed), Fate.TAKEN_BACK, _TAKEN_BACK),
        )
        for amount, fate, why in parts:
            if amount:
                found.append(OddMoney(payment.id, amount, fate, why, title, came))
    return tuple(found)


def _taken_back(bill: BillValue, placed: PlacedMoney) -> int:
    """What the bank took back of it, as long as the bill is owed again, in đồng."""
    owed = bill.status in ("open", "expired")
    return placed.reversed if owed and placed.reason == Reason.RETURNED_BY_BANK else 0


def _why(payment: PaymentValue, reason: str | None) -> LocalizedText:
    if reason == Reason.AMOUNT_MISMATCH and payment.credited != payment.amount:
        asked = payment.amount
        return LocalizedText(
            f"Số tiền cần thu cho lần này là {format_vnd(asked)}.",
            f"{vnd(asked)} was asked for.",
        )
    return next((words for known, words in _REASONS.items() if known == reason), _OTHERWISE)
