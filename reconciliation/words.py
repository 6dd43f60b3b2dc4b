"""The words in which minutes call things, for PDF and workbook alike. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core.clock import VIETNAM

CLASSES: Final = {
    "matched": "Khớp",
    "statement_alone": "Trong đó: chỉ sao kê báo có",
    "batch": "Trong đó: cổng chuyển trả theo lô",
    "late": "Trong đó: ghi sổ muộn",
    "missing_in_ledger": "Đã thu, chưa có trên sao kê",
    "amount_mismatch": "Lệch số tiền",
    "duplicate": "Ghi có nhiều lần",
    "reversed": "Ngân hàng trả lại",
    "unknown_in_ledger": "Ghi có chưa rõ",
    "debits": "Dòng ghi nợ (kết chuyển, khác)",
    "no_statement": "Chưa có sao kê",
    "expected": "Đang chờ ghi có, chưa đến hạn",
    "ambiguous": "Chưa phân định được",
    "swept": "Kết chuyển về Ngân hàng Nhà nước",
    "wrong_sweep": "Kết chuyển sai số",
    "missing_sweep": "Ngày không kết chuyển",
    "missing_day": "Thiếu sao kê của ngày",
    "balance_conflict": "Số dư sao kê trái nhau",
    "settled_in_batch": "Thu qua cổng, cổng đã chuyển trả theo lô",
    "with_gateway": "Cổng đã thu, chưa đến hạn quyết toán",
    "on_the_way": "Cổng đã quyết toán, tiền đang về, chưa đến hạn",
    "missing_in_settlement": "Cổng đã thu, quá hạn chưa quyết toán",
    "not_paid_over": "Cổng đã quyết toán, quá hạn tiền chưa về",
}
RESOLUTIONS: Final = {
    "assign": "Áp vào khoản phải nộp",
    "settle": "Ghi nhận lần thanh toán thiếu thông báo",
    "suspense": "Giữ ở tiền chờ xử lý",
    "refund": "Hoàn trả người nộp",
    "returned": "Đảo khoản thu ngân hàng đã thu lại",
    "accept": "Chấp nhận, chuyển theo dõi tiếp",
}
#: Which side of the comparison a discrepancy is of.
SIDES: Final = {"payment": "khoản thu", "line": "dòng sao kê", "account": "tài khoản"}
#: How far a discrepancy is; one of before there were cases has no state.
STATUSES: Final = {
    "open": "chưa xử lý",
    "resolved": "đã xử lý",
    "gone": "không còn",
    "": "trước khi theo dõi",
}
#: How an open discrepancy stands that nobody has to settle.
STANDINGS: Final = {"waiting": "đang chờ, chưa đến hạn", "explained": "đã rõ, không phải xử lý"}
#: How far money is that no statement has told of.
STAGES: Final = {"expected": "chưa đến hạn", "late": "quá hạn", "missing": "mất dấu"}
#: Ways by which money comes that are no gateway's; a gateway stands by its own name.
CHANNELS: Final = {"bank": "chuyển khoản", "cash": "tiền mặt"}
PLACES: Final = {
    "allocated": "Đã áp vào khoản phải nộp",
    "suspense": "Chờ xử lý",
    "refundable": "Phải hoàn trả",
    "reversed": "Đã đảo",
    "in_transit": "Cổng đã chuyển trả",
    "collector_cash": "Người thu đã nộp vào tài khoản",
    "paying_back": "Đang hoàn trả",
    "paid_back": "Đã hoàn trả",
}
REASONS: Final = {
    "no_reference": "không có mã",
    "unknown_reference": "mã không rõ",
    "several_references": "nhiều mã",
    "short": "thiếu tiền",
    "excess": "nộp thừa",
    "bill_already_paid": "khoản đã nộp",
    "bill_cancelled": "khoản đã hủy",
    "nothing_owed": "không phải nộp",
    "amount_mismatch": "lệch số tiền",
    "held_by_gateway": "cổng tạm giữ",
    "fee_not_in_force": "khoản thu không còn hiệu lực",
    "static_amount": "khác số tiền của mã cố định",
    "other_agency": "của cơ quan khác",
    "possible_duplicate": "nghi báo trùng",
    "statement_only": "chỉ sao kê báo",
    "unsigned_notice": "báo chưa ký",
    "stall_credit": "trả trước của sạp",
    "collector_deposit": "người thu nộp tiền mặt",
    "conflicting_notice": "thông báo mâu thuẫn",
    "dated_ahead": "đề ngày tương lai",
    "dated_before": "đề ngày trước khi có tài khoản",
    "gateway_settlement": "cổng quyết toán",
    "refund_wanted": "đề nghị hoàn",
    "settled_by_gateway": "tiền của lô quyết toán",
    "statement_withdrawn": "sao kê đã rút",
    "same_money": "báo trùng",
    "returned_by_bank": "ngân hàng trả lại",
    "refund_returned": "hoàn trả bị trả lại",
}
#: What minutes say that were made where nothing is real.
DEMO: Final = "BẢN THỬ NGHIỆM – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ"
#: What minutes of version 1 say, which were made before the catalogue had shares.
SHARES_UNKNOWN: Final = (
    "Danh mục chưa ghi tỷ lệ để lại và tỷ lệ nộp ngân sách của các khoản phí trên;"
    " biên bản không tách số để lại và số nộp ngân sách."
)

#: How the share that the body keeps is rounded, and what has none.
SHARES_NOTE: Final = (
    "Số để lại của từng khoản đã thu làm tròn xuống đến đồng, phần còn lại nộp ngân sách. Khoản phí"
    " mà danh mục chưa ghi tỷ lệ để lại thì không chia."
)


#: What waits at the end of the day and goes on to the next, by class.
CARRIED: Final = {
    "expected": "Chuyển khoản, đang chờ ghi có",
    "with_gateway": "Đang ở cổng",
    "on_the_way": "Đang về: cổng đã quyết toán, chưa có khoản ghi có",
}


@dataclass(frozen=True, slots=True)
class SharedSums:
    """What of some fees the body keeps, what it pays in, and what has no known share, in đồng."""

    kept: int
    paid_in: int
    undivided: int


def has_shares(content: Mapping[str, Any]) -> bool:
    """Whether minutes tell shares: those of version 1 were made before there were any."""
    return int(content["version"]) >= 2


def has_carried(content: Mapping[str, Any]) -> bool:
    """Whether minutes tell what was carried into the day and what goes on: since version 3."""
    return int(content["version"]) >= 3


def object_words(item: Mapping[str, Any]) -> str:
    """What an item of minutes is about; those of before version 4 have its reference, or its id."""
    return str(item.get("told") or item["reference"] or item["object_id"])


def shared_sums(fees: Sequence[Mapping[str, Any]]) -> SharedSums:
    """The sums of some fees of minutes; together they are what the fees got."""
    known = [fee for fee in fees if fee["kept"] is not None]
    kept = sum(fee["kept"] for fee in known)
    divided = sum(fee["amount"] for fee in known)
    return SharedSums(kept, divided - kept, sum(fee["amount"] for fee in fees) - divided)


def share_words(percent: int | None) -> str:
    """A share as minutes tell it."""
    return "chưa rõ" if percent is None else f"{percent} %"


def place_words(place: str, reason: str) -> str:
    """A place of money with the reason, in Vietnamese."""
    words = PLACES.get(place, place)
    return f"{words} ({REASONS.get(reason, reason)})" if reason else words


def balance_words(*, agrees: bool, told: bool) -> str:
    """Whether the account agrees: "khớp" only where the balances are told and go together."""
    if agrees:
        return "KHỚP: số dư đầu ngày + ghi có − ghi nợ = số dư cuối ngày"
    if told:
        return "KHÔNG KHỚP"
    return "Sao kê không cho số dư; không kết luận khớp số dư tài khoản"


def moment_words(told: str) -> str:
    """A moment of the minutes' content, in Vietnam's time."""
    return f"{datetime.fromisoformat(told).astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}"
