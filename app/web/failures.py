"""Errors as a page, where a person's browser asks; every program gets the problem+json as it was.

The page is made from the problem that was about to be sent, so whatever fails anywhere below, in a
route, in the framework or unexpectedly, has one page and one trace id.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.templating import render
from app.web.texts import noted
from core.problems import MEDIA_TYPE

#: Programs live here, whatever they claim to accept.
_PROGRAMS = ("/api/", "/callbacks/", "/health/", "/metrics")


@dataclass(frozen=True, slots=True)
class Advice:
    """What happened and what to do next, as the catalogue of words has it."""

    title: str
    todo: str


_OURS = Advice(
    noted("Hệ thống gặp lỗi"),
    noted(
        "Lỗi đã được ghi lại. Nếu bạn vừa thanh toán, đừng thanh toán lại: hãy mở lại trang của "
        "khoản phải nộp để xem kết quả, hoặc đưa mã lỗi dưới đây cho cán bộ."
    ),
)
_YOURS = Advice(
    noted("Không thực hiện được yêu cầu này"),
    noted("Hãy quay lại trang trước và thử lại. Nếu vẫn không được, hãy hỏi cán bộ tại quầy."),
)
_BY_STATUS = {
    404: Advice(
        noted("Không tìm thấy trang này"),
        noted(
            "Hãy so lại từng ký tự của mã (mã không có chữ I, O và số 0, 1), quét lại mã QR, hoặc "
            "mở lại đường liên kết trong tin nhắn của cơ quan thu."
        ),
    ),
    409: Advice(
        noted("Chưa thực hiện được lúc này"),
        noted("Hãy mở lại trang của khoản phải nộp để xem tình trạng hiện tại rồi hãy thử lại."),
    ),
    422: Advice(
        noted("Thông tin gửi lên chưa đúng"),
        noted("Hãy quay lại trang trước, kiểm tra những gì đã nhập rồi gửi lại."),
    ),
    429: Advice(
        noted("Bạn tra cứu quá nhanh"),
        noted("Hãy chờ một phút rồi thử lại."),
    ),
    503: Advice(
        noted("Hệ thống đang bận"),
        noted(
            "Hãy thử lại sau một phút. Nếu bạn vừa thanh toán, đừng thanh toán lại: tiền đã nộp "
            "không bị mất."
        ),
    ),
}


def advice_for(status: int) -> Advice:
    """The words for an HTTP status."""
    return _BY_STATUS.get(status, _OURS if status >= 500 else _YOURS)


def install(app: FastAPI) -> None:
    """Give browsers pages in place of problems; call it after `core.problems.install`."""
    app.add_middleware(ErrorPages)


class ErrorPages:
    """Turns a problem on its way to a browser into a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http" or not _is_browser(scope):
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        body = bytearray()

        async def paged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Accept")
                if headers.get("content-type") == MEDIA_TYPE:
                    held = message
                    return
            elif held is not None:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_page(scope, receive, send, held, bytes(body))
                return
            await send(message)

        await self._app(scope, receive, paged)


def _is_browser(scope: Scope) -> bool:
    """Whether the answer is for a person: HTML is asked for by name, and it is no program's path.

    Every browser names text/html when it opens a page; no program does so by default.
    """
    if scope["path"].startswith(_PROGRAMS):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


async def _send_page(
    scope: Scope, receive: Receive, send: Send, start: Message, body: bytes
) -> None:
    problem: dict[str, Any] = json.loads(body) if body else {}
    status: int = start["status"]
    kept = MutableHeaders(scope=start)
    del kept["content-type"], kept["content-length"]
    page = render(
        Request(scope),
        "error.html",
        status,
        headers=dict(kept),
        http_status=status,
        advice=advice_for(status),
        detail=_told(status, problem),
        trace_id=str(problem.get("trace_id") or kept.get("trace-id", "")),
    )
    await page(scope, receive, send)


def _told(status: int, problem: dict[str, Any]) -> str:
    """The problem's own sentence, where it was written for a citizen; empty otherwise.

    The framework's phrases, lists of faults and failures of ours say nothing to one.
    """
    detail = str(problem.get("detail", ""))
    if status not in (403, 404, 409, 429) or detail == HTTPStatus(status).phrase:
        return ""
    return detail
