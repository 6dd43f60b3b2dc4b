"""The sandbox's pages: Vietnamese, without scripts, plainly not a real gateway or bank."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from adapters.sandbox.engine.state import PayerOutcome
from core.clock import VIETNAM
from core.money import format_vnd

#: the everyday endings, then the awkward ones: name, words on the button, what happens
PLAIN_ENDINGS: Final = (
    (PayerOutcome.SUCCESS, "Thanh toán thành công", "Trừ tiền và báo kết quả ngay."),
    (PayerOutcome.DECLINE, "Từ chối, hủy giao dịch", "Không trừ tiền, báo thất bại."),
)
AWKWARD_ENDINGS: Final = (
    (
        PayerOutcome.TIMEOUT_AFTER_CHARGE,
        "Trừ tiền rồi mất kết nối",
        "Trang báo lỗi, kết quả không được gửi; chỉ hỏi lại cổng mới biết.",
    ),
    (
        PayerOutcome.DUPLICATE_CALLBACK,
        "Báo kết quả ba lần",
        "Trừ tiền một lần, gửi cùng một kết quả ba lần.",
    ),
    (
        PayerOutcome.EARLY_CALLBACK,
        "Báo kết quả quá sớm",
        "Kết quả được gửi trước khi cổng kịp ghi sổ.",
    ),
    (PayerOutcome.LATE_CALLBACK, "Báo kết quả muộn", "Trừ tiền ngay, ít lâu sau mới báo."),
    (PayerOutcome.LOST_CALLBACK, "Kết quả bị thất lạc", "Trừ tiền nhưng không bao giờ báo."),
    (PayerOutcome.WRONG_AMOUNT, "Thu sai số tiền", "Trừ và báo một số tiền khác số phải nộp."),
    (
        PayerOutcome.SUCCESS_AFTER_FAILURE,
        "Báo thất bại rồi lại thành công",
        "Kết quả đầu là thất bại, kết quả sau mới đúng.",
    ),
)

_templates: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["vnd"] = format_vnd
_templates.filters["local"] = lambda at: at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One page of `templates/`."""
    html = _templates.get_template(name).render(**values)
    return HTMLResponse(html, status, headers=_HEADERS)
