"""What a bill's page says after a press of its button led nowhere: what happened, what to do. Pure.

The code comes back in a cookie that our own answer to the press has set: an address can be written
and sent by anybody, who would have our page say that no money was taken.
"""

from dataclasses import dataclass
from typing import Final

from app.web.texts import noted


@dataclass(frozen=True, slots=True)
class PageMessage:
    """What happened and what to do next, as the catalogue of words has it."""

    title: str
    todo: str


#: The cookie of the page that was pressed on, and for how many seconds it tells.
TOLD: Final = "lephi_told"
TOLD_SECONDS: Final = 60


def told_name(base_url: str) -> str:
    """The cookie's name: under HTTPS one that a browser takes over HTTPS alone."""
    return f"__Secure-{TOLD}" if base_url.startswith("https:") else TOLD


_AWAY = PageMessage(
    noted("Chưa kết nối được với cổng thanh toán"),
    noted(
        "Chưa có khoản tiền nào bị trừ. Hãy thử lại sau một phút, hoặc quét mã QR để chuyển khoản."
    ),
)
_PENDING = PageMessage(
    noted("Đang kiểm tra kết quả lần thanh toán trước"),
    noted("Đừng thanh toán lại. Trang này sẽ báo ngay khi có kết quả."),
)
_OTHER = PageMessage(
    noted("Chưa thực hiện được yêu cầu của bạn"),
    noted("Hãy bấm “Cập nhật” để xem tình trạng hiện tại trước khi thử lại."),
)

_MESSAGES = {
    "payment_outcome_pending": _PENDING,
    "idempotency_in_flight": _PENDING,
    "gateway_unavailable": _AWAY,
    "database_unavailable": _AWAY,
    "unavailable": _AWAY,
    "gateway_resting": PageMessage(
        noted("Cổng thanh toán này đang không trả lời"),
        noted(
            "Chưa có khoản tiền nào bị trừ. Hãy quét mã QR để chuyển khoản, hoặc chọn cổng khác."
        ),
    ),
    "payment_declined": PageMessage(
        noted("Cổng thanh toán đã từ chối giao dịch"),
        noted(
            "Chưa có khoản tiền nào bị trừ. Hãy thử lại, chọn cách khác, hoặc quét mã QR để "
            "chuyển khoản."
        ),
    ),
    "gateway_misuse": PageMessage(
        noted("Cổng thanh toán này đang gặp lỗi"),
        noted(
            "Chưa có khoản tiền nào bị trừ. Hãy quét mã QR để chuyển khoản, hoặc hỏi cán bộ tại "
            "quầy."
        ),
    ),
    "gateway_not_offered": PageMessage(
        noted("Cơ quan này không nhận thanh toán qua cổng bạn chọn"),
        noted("Chưa có khoản tiền nào bị trừ. Hãy chọn một cách thanh toán trên trang này."),
    ),
    "amount_not_taken": PageMessage(
        noted("Cổng này không nhận số tiền còn phải nộp"),
        noted("Chưa có khoản tiền nào bị trừ. Hãy chọn một cách thanh toán khác trên trang này."),
    ),
    "attempt_unclear": PageMessage(
        noted("Cổng thanh toán chưa trả lời, nên chưa thể chọn cách khác"),
        noted(
            "Hãy chờ một phút rồi thử lại. Đừng thanh toán bằng cách khác khi chưa biết kết quả."
        ),
    ),
    "bill_not_payable": PageMessage(
        noted("Khoản này không còn gì phải nộp"),
        noted("Hãy xem tình trạng trên trang này."),
    ),
    "rate_limited": PageMessage(
        noted("Bạn thao tác quá nhanh"),
        noted("Hãy chờ một phút rồi thử lại."),
    ),
}
_MESSAGES["gateway_capability_missing"] = _MESSAGES["gateway_misuse"]
_MESSAGES["gateway_crowded"] = _MESSAGES["gateway_resting"]
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
