"""Words of the pages on which a body's set-up is kept. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.web.texts import noted
from payments.agencies.access.rights import ROLES, SCOPES, Role, Scope, Title
from payments.catalogue.rules.wording import LocalizedText
from payments.gateway_info import GatewayKind

IN_USE: Final = noted("Đang dùng")
STOPPED: Final = noted("Đã ngừng")
REVOKED: Final = noted("Đã thu hồi")
WAITING: Final = noted("Chờ người thứ hai")
OFFERED: Final = noted("Đang cho người nộp dùng")
NOT_OFFERED: Final = noted("Không cho người nộp dùng")
RESTING: Final = noted("Không trả lời, tạm không gửi người nộp tới")
#: What a feed or a biller does, whose notices are taken whether or not it is offered.
TELLING: Final = noted("Đang nhận tin báo tiền về")
#: The same where it was taken away from payers: an authentic notice is never dropped.
TELLING_OFF: Final = noted("Tắt: vẫn nhận tin báo có đã ký, không mời trả")
#: What those are that payers do not choose on a bill's page.
NOT_CHOSEN: Final[Mapping[GatewayKind, str]] = {
    GatewayKind.FEED: noted(
        "Nguồn báo tiền về tài khoản: chỉ cho biết tiền đã đến. Người nộp không chọn và không thấy"
        " nguồn này."
    ),
    GatewayKind.BILLER: noted(
        "Đơn vị thu hộ: hỏi số phải nộp, tự thu tiền của người nộp rồi báo lại. Trang của khoản"
        " phải nộp không dẫn tới đây."
    ),
}
KEY_KINDS: Final[Mapping[str, str]] = {
    "system": noted("Của hệ thống"),
    "person": noted("Của một người"),
}
ACCOUNT_KINDS: Final[Mapping[str, str]] = {
    "bank": noted("Ngân hàng"),
    "treasury": noted("Kho bạc"),
}
PROPOSAL_STATES: Final[Mapping[str, str]] = {
    "proposed": noted("Chờ người thứ hai"),
    "applied": noted("Đã áp dụng"),
    "rejected": noted("Không áp dụng"),
}
#: What a file of the catalogue may be a table of.
TABLES: Final[Mapping[str, str]] = {
    "fees": noted("Khoản thu"),
    "reliefs": noted("Miễn, giảm"),
}


def roles_told(names: Iterable[str]) -> LocalizedText:
    """Roles in both languages, in the order of the table."""
    given = set(names)
    return _told(ROLES[role] for role in Role if role in given)


def scopes_told(names: Iterable[str]) -> LocalizedText:
    """Scopes in both languages, in the order of the table."""
    given = set(names)
    return _told(SCOPES[scope] for scope in Scope if scope in given)


def _told(titles: Iterable[Title]) -> LocalizedText:
    found = list(titles)
    return LocalizedText("; ".join(one.vi for one in found), "; ".join(one.en for one in found))
