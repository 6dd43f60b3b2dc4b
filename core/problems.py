"""Errors as problem+json (RFC 9457), and the trace id that ties an answer to its log lines.

The body: `type, title, status, detail, code, errors: [{field, code, detail}], retryable,
trace_id`. An expected failure says what it says in `core.errors`; an unexpected one is logged
with its traceback and answered with nothing but its trace id. Input is never echoed.
"""

import errno
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import json, log
from core.errors import FieldError, Invalid, LephiError, StorageFull, TooLarge, Unauthenticated
from core.refusals import count_refused

MEDIA_TYPE = "application/problem+json"

#: How many faults of one request's fields are listed.
MAX_ERRORS = 50

#: No answer lists more than this, not even of the rows of a file.
MOST_LISTED = 200

_MAX_FIELD = 200
#: W3C Trace Context: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
#: Where FastAPI says it looked; the field's own path follows.
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_UNREADABLE_FORM = "Không đọc được biểu mẫu gửi lên: có phần hỏng, hoặc tên tệp quá dài."
_UNEXPECTED = "Something went wrong on our side. It has been recorded under this trace id."

#: After so many seconds a request that was refused for the moment may be sent again.
_RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS: "60", HTTPStatus.SERVICE_UNAVAILABLE: "5"}
#: The disk, or what one may use of it, is full.
_FULL = (errno.ENOSPC, errno.EDQUOT)

_log = log.get(__name__)


class CarriedProblem(HTTPException):
    """A problem on its way out through the framework's reading of a form.

    It would call every other exception a malformed form.
    """

    def __init__(self, problem: LephiError) -> None:
        super().__init__(problem.status, problem.detail)
        self.problem = problem


def body_of(error: LephiError, trace_id: str) -> dict[str, Any]:
    """The problem of an expected failure, as JSON values."""
    return _body(
        status=error.status,
        title=error.title,
        code=error.code,
        detail=error.detail,
        errors=error.errors,
        retryable=error.retryable,
        trace_id=trace_id,
    )


def unexpected_body(trace_id: str) -> dict[str, Any]:
    """The problem of an unexpected failure: it says nothing about the cause."""
    return _body(
        status=LephiError.status,
        title=LephiError.title,
        code=LephiError.code,
        detail=_UNEXPECTED,
        trace_id=trace_id,
    )


def http_body(status: int, detail: str, trace_id: str) -> dict[str, Any]:
    """The problem of an error that the framework raised: 404 for no such route, 405, …"""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    code = re.sub("[^a-z]+", "_", title.lower()).strip("_")
    retryable = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    return _body(
        status=status,
        title=title,
        code=code,
        detail=detail,
        retryable=retryable,
        trace_id=trace_id,
    )


def invalid_from(faults: Sequence[Mapping[str, Any]]) -> Invalid:
    """An `Invalid` from the `errors()` of pydantic or FastAPI: where and why, never what was sent.

    `loc` becomes a dotted path without FastAPI's first word (`body`, `query`, …).
    """
    errors = [_field_error(fault) for fault in faults[:MAX_ERRORS]]
    more = len(faults) - len(errors)
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    detail = f"The request has {count}; see errors."
    if more:
        detail = f"The request has {count}; the first {len(errors)} are in errors."
    return Invalid(detail, errors=errors)


def trace_id_of(scope: Scope) -> str:
    """The trace id of a request (32 hex digits): the caller's `traceparent`, else a new one.

    The same for every call with one scope.
    """
    state = scope.setdefault("state", {})
    trace_id: str | None = state.get("trace_id")
    if trace_id is None:
        given = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        match = _TRACEPARENT.fullmatch(given)
        state["trace_id"] = trace_id = match[1].decode() if match else secrets.token_hex(16)
    return trace_id


class TraceMiddleware:
    """Gives each request its trace id: in its log lines and in the answer's `Trace-Id` header.

    It also answers whatever nothing inside expected. Starlette's own last resort would raise the
    exception again after answering, and the server would log it a second time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = trace_id_of(scope)
        started = False

        async def traced(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = (b"trace-id", trace_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), own]}
            await send(message)

        with structlog.contextvars.bound_contextvars(trace_id=trace_id):
            if "\x00" in scope["path"]:
                # Nothing of ours has such a name, and PostgreSQL cannot even be asked for it.
                await problem_response(http_body(404, "Not Found", trace_id))(
                    scope, receive, traced
                )
                return
            try:
                await self._app(scope, receive, traced)
            except ClientDisconnect:
                # Nobody hears the answer; it is given for what counts and logs answers.
                _log.info("caller gone", method=scope["method"], path=scope["path"])
                body = http_body(400, "The caller broke off.", trace_id)
                await problem_response(body)(scope, receive, traced)
            except Exception:
                _log.exception("unexpected error", method=scope["method"], path=scope["path"])
                if started:
                    raise  # the answer is under way: only breaking off shows that it is not whole
                await problem_response(unexpected_body(trace_id))(scope, receive, traced)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as problem+json, and trace its requests."""

    @app.exception_handler(LephiError)
    async def expected(request: Request, error: LephiError) -> Response:
        if error.status >= 500:
            _log.warning("request failed", code=error.code, status=error.status, problem=error)
        elif error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            _log.warning("access refused", code=error.code, status=error.status)
            count_refused(error.code)
        headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
        if error.retry_after is not None:
            headers["Retry-After"] = str(error.retry_after)
        return problem_response(body_of(error, trace_id_of(request.scope)), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(body_of(invalid_from(error.errors()), trace_id_of(request.scope)))

    @app.exception_handler(OSError)
    async def failing(request: Request, error: OSError) -> Response:
        if not _is_full(error):
            raise error
        return await expected(request, _full())

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, CarriedProblem):
            return await expected(request, error.problem)
        if _is_full(error.__cause__):  # a form's file is kept on disk while it is read
            return await expected(request, _full())
        if error.status_code < 400:
            return Response(status_code=error.status_code, headers=error.headers)
        if error.status_code == TooLarge.status:
            return await expected(request, TooLarge("Nội dung gửi lên quá lớn."))
        # The framework says 400 of a form alone; ours say themselves what is wrong.
        malformed = error.status_code == HTTPStatus.BAD_REQUEST
        detail = _UNREADABLE_FORM if malformed else str(error.detail)
        body = http_body(error.status_code, detail, trace_id_of(request.scope))
        return problem_response(body, error.headers)

    # For what fails outside TraceMiddleware, in another middleware: the server logs that.
    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> Response:
        return problem_response(unexpected_body(trace_id_of(request.scope)))

    app.add_middleware(TraceMiddleware)


def _body(
    *,
    status: int,
    title: str,
    code: str,
    detail: str,
    trace_id: str,
    errors: Sequence[FieldError] = (),
    retryable: bool = False,
) -> dict[str, Any]:
    return {
        "type": f"urn:problem-type:lephi:{code}",
        "title": title,
        "status": int(status),
        "detail": _sound(detail),
        "code": code,
        "errors": [
            {"field": _sound(one.field), "code": one.code, "detail": _sound(one.detail)}
            for one in errors
        ],
        "retryable": retryable,
        "trace_id": trace_id,
    }


def problem_response(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A problem as it is sent: application/problem+json, with when to come again."""
    if (again := _RETRY_AFTER.get(body["status"])) is not None:
        headers = {"Retry-After": again} | dict(headers or {})
    return Response(json.dumps(body), body["status"], headers, MEDIA_TYPE)


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def _full() -> StorageFull:
    return StorageFull("Hệ thống hết chỗ lưu trữ, chưa ghi nhận được. Hãy gửi lại sau ít phút.")


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    path = list(fault["loc"])
    if len(path) > 1 and path[0] in _PLACES:
        del path[0]
    field = ".".join(str(step) for step in path) or "body"
    return FieldError(field[:_MAX_FIELD], str(fault["type"]), str(fault["msg"]))


def _sound(text: str) -> str:
    """Text that UTF-8 can carry: a name from the input may hold half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
