"""Money of a bill that is not simply its payment: over, double, held, or come too late.

Whoever paid it has to see on the page that it has come, what becomes of it and whom to call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

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
    Reason.GATEWAY_SETTLEMENT: LocalizedText(
        "Có thể là tiền cổng thanh toán chuyển về cho những lần nộp đã ghi nhận.",
        "It may be what a gateway pays over of payments that are recorded already.",
    ),
    Reason.STATEMENT_ONLY: LocalizedText(
        "Tiền mới thấy trên sao kê của ngân hàng; kế toán đang duyệt.",
        "Only the bank's statement tells of it so far; the accountants are looking at it.",
    ),
}
_OTHERWISE = LocalizedText("Cán bộ cần xem lại.", "An officer has to look at it.")


@dataclass(frozen=True, slots=True)
class OddMoney:
    """One payment's money that is not with its bill. `amount` in đồng.

    `refundable` is to be given back; other money waits until an officer has looked at it.
    """

    payment_id: str
    amount: int
    refundable: bool
    why: LocalizedText
    title: str
    came_at: datetime | None


def odd_money(
    bill: BillValue, places: Mapping[str, PlacedMoney], titles: Mapping[str, str]
) -> tuple[OddMoney, ...]:
    """What came for `bill` and is not simply its payment; short money that waits for the rest is.

    `titles` are what citizens call the gateways.
    """
    found = []
    for payment in bill.payments:
        placed = places.get(payment.id, PlacedMoney())
        title = titles.get(payment.gateway, "")
        for amount, refundable in ((placed.refundable, True), (placed.suspense, False)):
            if amount and (refundable or placed.reason != Reason.SHORT):
                why = _why(payment, placed.reason)
                came = payment.paid_at
                found.append(OddMoney(payment.id, amount, refundable, why, title, came))
    return tuple(found)


def _why(payment: PaymentValue, reason: str | None) -> LocalizedText:
    if reason == Reason.AMOUNT_MISMATCH and payment.credited != payment.amount:
        asked = payment.amount
        return LocalizedText(
            f"Số tiền cần thu cho lần này là {format_vnd(asked)}.",
            f"{vnd(asked)} was asked for.",
        )
    return next((words for known, words in _REASONS.items() if known == reason), _OTHERWISE)
