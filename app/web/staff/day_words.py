"""What the pages of a day call classes, stages, places and parts of the list. Pure.

In Vietnamese; a template shows each by the filter `detail`, which finds its English.
"""

from typing import Any, Final

from app.web.staff.history_words import BILL_STATES
from app.web.staff.ways import WAYS
from app.web.texts import noted
from reconciliation.words import CLASSES, REASONS, RESOLUTIONS

_SETTLEMENT_CLASSES: Final = {
    "matched": noted("Khớp"),
    "amount_mismatch": noted("Lệch số tiền"),
    "duplicate": noted("Quyết toán nhiều lần"),
    "missing_in_settlement": noted("Chưa có trong tệp quyết toán"),
    "expected": noted("Chưa có tệp, chưa đến hạn"),
    "unknown_in_settlement": noted("Có trong tệp, không có trong sổ"),
    "refund": noted("Hoàn trả qua cổng"),
    "chargeback": noted("Cổng đòi lại"),
    "adjustment": noted("Điều chỉnh của cổng"),
}
_BATCH_CLASSES: Final = {
    "matched": noted("Tiền đã về"),
    "amount_mismatch": noted("Lệch số tiền"),
    "ambiguous": noted("Chưa phân định được"),
    "suggested": noted("Có gợi ý, chờ hai người xác nhận"),
    "missing": noted("Tiền chưa về"),
    "nothing_due": noted("Không có gì phải chuyển"),
}
_STAGES: Final = {
    "expected": noted("chưa đến hạn"),
    "late": noted("muộn"),
    "missing": noted("thiếu"),
}
_PLACE_LABELS: Final = {
    "on_account": noted("Đã về tài khoản"),
    "in_transit": noted("Cổng đã thu, chưa quyết toán xong"),
    "with_gateways": noted("trong đó: ở cổng"),
    "on_the_way": noted("trong đó: đang về"),
    "gateway_fee": noted("Phí cổng đã giữ"),
    "gateway_back": noted("Cổng đã hoàn người nộp"),
    "collector_cash": noted("Tiền mặt ở người thu"),
    "swept": noted("Đã kết chuyển"),
    "revenue": noted("Của các khoản phải nộp"),
    "suspense": noted("Chờ xử lý"),
    "refundable": noted("Phải hoàn trả"),
    "paying_back": noted("Đang hoàn trả"),
    "paid_back": noted("Đã hoàn trả"),
    "reversed": noted("Đã đảo"),
}
#: Where all of an account's money is, and whose it is: each comes to the same sum.
_PLACE_GROUPS: Final = (
    (
        noted("Tiền ở đâu"),
        ("on_account", "in_transit", "gateway_fee", "gateway_back", "collector_cash"),
    ),
    (
        noted("Tiền của ai"),
        ("revenue", "suspense", "refundable", "paying_back", "paid_back", "reversed"),
    ),
)
#: What a place is made up of.
_PLACE_PARTS: Final = {"in_transit": ("with_gateways", "on_the_way")}
_PART_NAMES: Final = {
    "todo": noted("Còn phải xử lý"),
    "asked": noted("Chờ duyệt"),
    "resolved": noted("Đã xử lý"),
    "rest": noted("Không cần xử lý"),
}
_NEED_NAMES: Final = {
    "differences": noted("Chênh lệch"),
    "approvals": noted("Chờ bạn duyệt"),
    "suspense": noted("Tiền chờ xử lý"),
    "refunds": noted("Hoàn trả cần chuyển"),
    "disputes": noted("Khiếu nại phải trả lời"),
    "gone_back": noted("Bị lấy lại qua ngân hàng, 14 ngày qua"),
}
_REFUND_STATES: Final = {
    "requested": noted("chờ duyệt"),
    "approved": noted("đã duyệt, cần chuyển tiền"),
    "submitted": noted("cổng đang hoàn trả"),
    "unknown": noted("đã đặt lệnh chuyển, chưa có kết quả"),
    "succeeded": noted("đã hoàn trả"),
    "failed": noted("không thành công"),
    "rejected": noted("bị từ chối"),
}
#: What a gateway answers when it is asked.
_SAID: Final = {
    "succeeded": noted("Cổng trả lời: đã thu tiền."),
    "failed": noted("Cổng trả lời: không thu được tiền."),
    "pending": noted("Cổng trả lời: đang xử lý."),
    "not_found": noted("Cổng trả lời: không có giao dịch này."),
    "expired": noted("Cổng trả lời: đã hết hạn."),
    "unclear": noted("Cổng chưa trả lời rõ; hãy hỏi lại sau."),
}
#: What the templates of a day ask by name.
DAY_WORDS: Final[dict[str, Any]] = {
    "CLASSES": CLASSES,
    "REASONS": REASONS,
    "RESOLUTIONS": RESOLUTIONS,
    "SETTLEMENT_CLASSES": _SETTLEMENT_CLASSES,
    "BATCH_CLASSES": _BATCH_CLASSES,
    "STAGES": _STAGES,
    "PLACE_LABELS": _PLACE_LABELS,
    "PLACE_GROUPS": _PLACE_GROUPS,
    "PLACE_PARTS": _PLACE_PARTS,
    "PART_NAMES": _PART_NAMES,
    "WAYS": WAYS,
    "SAID": _SAID,
    "NEED_NAMES": _NEED_NAMES,
    "BILL_STATES": BILL_STATES,
    "REFUND_STATES": _REFUND_STATES,
}
