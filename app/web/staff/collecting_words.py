"""What collectors and the office are told of actions: why one was not taken as told."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.web.languages import Language
from app.web.texts import noted
from app.web.translations import WORDS
from core.money import format_vnd
from payments.catalogue.rules.wording import vnd

#: By the codes of `payments.collecting.commands`; figures are told in what they count.
REASONS: Final[Mapping[str, str]] = {
    "paid_meanwhile": noted(
        "Sạp đã được trả trong lúc bạn chưa đồng bộ: %(kept)s thành tiền trả trước của sạp."
    ),
    "nobody_holds": noted("Chưa ai thuê sạp này: %(kept)s chờ người thuê."),
    "number_not_yours": noted("Số phiếu %(number)s không thuộc máy này; tiền vẫn được ghi sổ."),
    "number_used": noted("Số phiếu %(number)s đã dùng cho việc khác; tiền vẫn được ghi sổ."),
    "clock_off": noted("Đồng hồ của máy sai; thời điểm được tính là lúc nhận."),
    "other_price": noted("Giá vé là %(asked)s; số tiền đã thu vẫn được ghi sổ."),
    "unknown_rate": noted("Chợ không có loại vé này; số tiền đã thu vẫn được ghi sổ."),
    "other_content": noted("Việc này đã được gửi trước đó với nội dung khác; bản trước được giữ."),
    "unknown_stall": noted("Không có sạp này ở các chợ của bạn."),
    "unknown_market": noted("Không có chợ này trong các chợ của bạn."),
    "no_account": noted("Cơ quan chưa có tài khoản thu; tiền chưa được ghi sổ."),
    "read_already": noted("Người khác đã ghi %(shows)s cho ngày này; chỉ số đó được giữ."),
    "reading_billed": noted("Chỉ số đến ngày này đã được tính tiền."),
    "meter_backwards": noted("Chỉ số nhỏ hơn lần ghi trước, hoặc lớn hơn lần ghi sau."),
    "read_in_future": noted("Ngày ghi chỉ số ở tương lai."),
    "malformed": noted("Máy chủ không đọc được việc này; hãy báo ban quản lý chợ."),
}
#: What actions are called.
KINDS: Final[Mapping[str, str]] = {
    "cash": noted("Thu tiền mặt"),
    "ticket": noted("Bán vé"),
    "reading": noted("Ghi chỉ số"),
    "visit": noted("Đã đến, không thu"),
    "void": noted("Bỏ số phiếu"),
}
#: What the room of hand-overs tells whoever sends its forms.
DETAILS: Final = (
    noted("Lần bàn giao trước chưa được kiểm đếm."),
    noted("Theo sổ, bạn đang giữ %(held)s; hãy ghi số tiền từ 1 đến đó."),
    noted("Người bàn giao không tự kiểm đếm; hãy nhờ người khác."),
    noted("Lần bàn giao này đã được kiểm đếm."),
    noted("Hãy ghi số tiền đã đếm bằng chữ số."),
    noted("Khác số đã khai %(declared)s; hãy ghi lý do chênh lệch."),
    noted("Không có lần bàn giao này."),
    noted("Đây không phải danh sách việc đã làm."),
)
_MONEY: Final = ("kept", "asked", "owed")


def reason_words(language: Language, codes: Iterable[str], figures: Mapping[str, int]) -> list[str]:
    """Why, in whole sentences, for each of the codes."""
    money = format_vnd if language == "vi" else vnd
    shown = {
        name: money(value) if name in _MONEY else str(value) for name, value in figures.items()
    }
    said = WORDS[language]
    return [str(said.say(REASONS[code], **shown)) for code in codes if code in REASONS]
