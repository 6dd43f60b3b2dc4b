"""Words of the pages on which a market's board works. Pure."""

from collections.abc import Mapping
from typing import Final

from app.web.texts import noted
from payments.billing.reports.states import StandingState

#: How a stall stands; docs/markets.md says when.
STANDINGS: Final[Mapping[StandingState, str]] = {
    "paid": noted("Đã trả đủ"),
    "part": noted("Trả một phần"),
    "owed": noted("Còn phải trả"),
    "overdue": noted("Quá hạn"),
    "waived": noted("Được miễn"),
    "empty": noted("Chưa có người thuê"),
}
#: For how long a run bills.
PERIODS: Final[Mapping[str, str]] = {
    "month": noted("Tháng"),
    "week": noted("Tuần"),
    "day": noted("Ngày"),
}
RUN_STATES: Final[Mapping[str, str]] = {
    "running": noted("Chưa lập xong"),
    "done": noted("Đã lập xong"),
}
METERS: Final[Mapping[str, str]] = {
    "electricity": noted("Điện"),
    "water": noted("Nước"),
}
#: What is charged; a service or vehicle has its own code behind it.
CHARGES: Final[Mapping[str, str]] = {
    "rent": noted("Giá thuê điểm"),
    **METERS,
    "service": noted("Dịch vụ"),
    "vehicle": noted("Giữ xe"),
    "entry": noted("Vào chợ"),
}
#: What of a run's charges became of their bills.
CHARGE_STATES: Final[Mapping[str, str]] = {
    "open": noted("Chưa nộp"),
    "paid": noted("Đã nộp đủ"),
    "expired": noted("Hết hạn"),
    "cancelled": noted("Đã hủy"),
    "exempt": noted("Không phải nộp"),
    "none": noted("Không phải nộp"),
}
PER: Final[Mapping[str, str]] = {
    "day": noted("mỗi ngày"),
    "month": noted("mỗi tháng"),
    "unit": noted("mỗi số của đồng hồ"),
    "entry": noted("mỗi lượt"),
}
WAIVED_FOR: Final[Mapping[str, str]] = {
    "closed": noted("Chợ đóng cửa"),
    "storm": noted("Bão, lũ"),
    "hardship": noted("Hoàn cảnh khó khăn"),
}


def charge_word(kind: str) -> str:
    """What a charge is called, without the code of a service or vehicle."""
    return CHARGES.get(kind.partition(":")[0], kind)
