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
from core.problems import MEDIA_TYPE

#: Programs live here, whatever they claim to accept.
_PROGRAMS = ("/api/", "/callbacks/", "/health/", "/metrics")


@dataclass(frozen=True, slots=True)
class Advice:
    """What happened and what to do next, in Vietnamese and in English."""

    title: str
    todo: str
    title_en: str
    todo_en: str


_OURS = Advice(
    "Hệ thống gặp lỗi",
    "Lỗi đã được ghi lại. Nếu bạn vừa thanh toán, đừng thanh toán lại: hãy mở lại trang của khoản "
    "phải nộp để xem kết quả, hoặc đưa mã lỗi dưới đây cho cán bộ.",
    "Something went wrong on our side",
    "It has been recorded. If you have just paid, do not pay again: open the bill's page once more "
    "to see the outcome, or give the error code below to an officer.",
)
_YOURS = Advice(
    "Không thực hiện được yêu cầu này",
    "Hãy quay lại trang trước và thử lại. Nếu vẫn không được, hãy hỏi cán bộ tại quầy.",
    "This request could not be carried out",
    "Go back to the page before and try again. If that does not help, ask at the counter.",
)
_BY_STATUS = {
    404: Advice(
        "Không tìm thấy trang này",
        "Hãy so lại từng ký tự của mã (mã không có chữ I, O và số 0, 1), quét lại mã QR, hoặc mở "
        "lại đường liên kết trong tin nhắn của cơ quan thu.",
        "There is no such page",
        "Compare the code character by character (it never holds I, O, 0 or 1), scan the QR code "
        "again, or open the link in the message of the collecting body again.",
    ),
    409: Advice(
        "Chưa thực hiện được lúc này",
        "Hãy mở lại trang của khoản phải nộp để xem tình trạng hiện tại rồi hãy thử lại.",
        "This cannot be done now",
        "Open the bill's page again to see how things stand, then decide.",
    ),
    422: Advice(
        "Thông tin gửi lên chưa đúng",
        "Hãy quay lại trang trước, kiểm tra những gì đã nhập rồi gửi lại.",
        "Something you entered is not right",
        "Go back to the page before, check what you entered and send it again.",
    ),
    429: Advice(
        "Bạn tra cứu quá nhanh",
        "Hãy chờ một phút rồi thử lại.",
        "Too many requests",
        "Wait a minute, then try again.",
    ),
    503: Advice(
        "Hệ thống đang bận",
        "Hãy thử lại sau một phút. Nếu bạn vừa thanh toán, đừng thanh toán lại: tiền đã nộp không "
        "bị mất.",
        "The service is busy",
        "Try again in a minute. If you have just paid, do not pay again: nothing that was paid is "
        "lost.",
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
