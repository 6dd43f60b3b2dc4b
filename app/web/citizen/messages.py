"""What a bill's page says after a press of its button led nowhere: what happened, what to do. Pure.

The code comes back in a cookie that our own answer to the press has set: an address can be written
and sent by anybody, who would have our page say that no money was taken.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PageMessage:
    """What happened and what to do next, in Vietnamese and in English."""

    title: str
    todo: str
    title_en: str
    todo_en: str


#: The cookie of the page that was pressed on, and for how many seconds it tells.
TOLD: Final = "lephi_told"
TOLD_SECONDS: Final = 60

_SAFE = "Chưa có khoản tiền nào bị trừ."
_SAFE_EN = "No money was taken."

_AWAY = PageMessage(
    "Chưa kết nối được với cổng thanh toán",
    f"{_SAFE} Hãy thử lại sau một phút, hoặc quét mã QR để chuyển khoản.",
    "The payment gateway cannot be reached",
    f"{_SAFE_EN} Try again in a minute, or pay by scanning the QR code.",
)
_PENDING = PageMessage(
    "Đang kiểm tra kết quả lần thanh toán trước",
    "Đừng thanh toán lại. Trang này sẽ báo ngay khi có kết quả.",
    "The outcome of the previous payment is being checked",
    "Do not pay again. This page will tell you as soon as the outcome is known.",
)
_OTHER = PageMessage(
    "Chưa thực hiện được yêu cầu của bạn",
    "Hãy bấm “Cập nhật” để xem tình trạng hiện tại trước khi thử lại.",
    "Your request could not be carried out",
    "Press “Refresh” to see how things stand before you try again.",
)

_MESSAGES = {
    "payment_outcome_pending": _PENDING,
    "idempotency_in_flight": _PENDING,
    "gateway_unavailable": _AWAY,
    "database_unavailable": _AWAY,
    "unavailable": _AWAY,
    "payment_declined": PageMessage(
        "Cổng thanh toán đã từ chối giao dịch",
        f"{_SAFE} Hãy thử lại, chọn cách khác, hoặc quét mã QR để chuyển khoản.",
        "The gateway declined the payment",
        f"{_SAFE_EN} Try again, choose another way, or pay by scanning the QR code.",
    ),
    "gateway_misuse": PageMessage(
        "Cổng thanh toán này đang gặp lỗi",
        f"{_SAFE} Hãy quét mã QR để chuyển khoản, hoặc hỏi cán bộ tại quầy.",
        "This gateway is out of order",
        f"{_SAFE_EN} Pay by scanning the QR code, or ask at the counter.",
    ),
    "gateway_not_offered": PageMessage(
        "Cơ quan này không nhận thanh toán qua cổng bạn chọn",
        f"{_SAFE} Hãy chọn một cách thanh toán trên trang này.",
        "This body does not take payments through that gateway",
        f"{_SAFE_EN} Choose one of the ways on this page.",
    ),
    "amount_not_taken": PageMessage(
        "Cổng này không nhận số tiền còn phải nộp",
        f"{_SAFE} Hãy chọn một cách thanh toán khác trên trang này.",
        "This gateway does not take the amount that is left to pay",
        f"{_SAFE_EN} Choose another way on this page.",
    ),
    "attempt_unclear": PageMessage(
        "Cổng thanh toán chưa trả lời, nên chưa thể chọn cách khác",
        "Hãy chờ một phút rồi thử lại. Đừng thanh toán bằng cách khác khi chưa biết kết quả.",
        "The gateway has not answered yet, so another way cannot be chosen",
        "Wait a minute, then try again. Do not pay in another way before the outcome is known.",
    ),
    "bill_not_payable": PageMessage(
        "Khoản này không còn gì phải nộp",
        "Hãy xem tình trạng trên trang này.",
        "There is nothing left to pay",
        "See the state of the bill on this page.",
    ),
    "rate_limited": PageMessage(
        "Bạn thao tác quá nhanh",
        "Hãy chờ một phút rồi thử lại.",
        "Too many requests",
        "Wait a minute, then try again.",
    ),
}
_MESSAGES["gateway_capability_missing"] = _MESSAGES["gateway_misuse"]
_MESSAGES["gateway_outcome_unknown"] = _PENDING
_MESSAGES["attempt_open"] = _PENDING


#: What is told of a failure that has no sentences of its own.
OTHER = "request_failed"
_MESSAGES[OTHER] = _OTHER


def known_code(code: str) -> str:
    """The code, or the general one where it has no message."""
    return code if code in _MESSAGES else OTHER


def message_for(code: str) -> PageMessage | None:
    """The message of a code, None for no code of ours."""
    return _MESSAGES.get(code)
