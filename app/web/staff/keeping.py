"""The set-up of a body: where each part of it is kept, for whoever may see it."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import page_needs
from app.web.templating import render
from app.web.texts import noted
from payments.agencies.access.rights import Action

router = APIRouter(include_in_schema=False)

SETTINGS: Final = "/staff/settings"


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part of the set-up: where it is, what it is for, and the right that it takes."""

    name: str
    title: str
    about: str
    action: Action

    @property
    def address(self) -> str:
        """Where it is kept."""
        return f"{SETTINGS}/{self.name}"


PARTS: Final = (
    KeptPart(
        "catalogue",
        noted("Danh mục thu"),
        noted("Mức thu sắp đổi, đề xuất thay đổi và duyệt đề xuất."),
        Action.READ_PROPOSALS,
    ),
    KeptPart(
        "users",
        noted("Người dùng"),
        noted("Thêm người, vai trò, ngừng một người, đặt lại lớp bảo vệ thứ hai."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "keys",
        noted("Khóa API"),
        noted("Khóa của hệ thống khác, phạm vi của khóa, thu hồi."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "bodies",
        noted("Cơ quan, đơn vị"),
        noted("Tên, địa chỉ, điện thoại in trên biên lai."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "accounts",
        noted("Tài khoản thu"),
        noted("Tài khoản ngân hàng, kho bạc mà tiền về."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "gateways",
        noted("Cổng thanh toán"),
        noted("Thử kết nối, thay khóa bí mật, ngừng cho dùng."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "messages",
        noted("Tin nhắn cho người nộp"),
        noted("Tin nhắc nợ, tin báo có biên lai: tin nào đã gửi, tin nào chờ người xem."),
        Action.READ_MESSAGES,
    ),
    KeptPart(
        "webhooks",
        noted("Nơi nhận thông báo (webhook)"),
        noted("Hệ thống nào được báo, thông báo nào chưa được nhận, gửi lại."),
        Action.MANAGE_WEBHOOKS,
    ),
    KeptPart(
        "invoices",
        noted("Hóa đơn điện tử"),
        noted("Hóa đơn của tiền chợ và các khoản giá: đã lập, chờ lập, cần điều chỉnh."),
        Action.READ_INVOICES,
    ),
    KeptPart(
        "operations",
        noted("Vận hành"),
        noted("Việc và tin báo bị để riêng, lần kiểm tra sổ gần nhất."),
        Action.ADMINISTER,
    ),
    KeptPart(
        "audit",
        noted("Nhật ký thiết lập"),
        noted("Ai đã đổi gì trong thiết lập."),
        Action.READ_APPROVALS,
    ),
)


@router.get(SETTINGS)
async def settings_page(
    request: Request, who: Annotated[SignedIn, page_needs(Action.READ_PROPOSALS)]
) -> Response:
    """The parts that whoever is signed in may see."""
    parts = [one for one in PARTS if who.principal.may(one.action)]
    return render(request, "keep_home.html", who=who, parts=parts)
