"""One line in the log for each request: what was asked, how it ended, how long it took.

The route's own pattern is written, never the address: addresses hold receipts' check codes,
references and tokens. No query, no header and no body comes near the log.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import log
from core.problems import trace_id_of

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: The method and the route are known words, the rest numbers: nothing in the line is a caller's.
_write = log.own_line(__name__, "request")


class RequestLog:
    """Writes the line when the answer has gone out, or when it was broken off (status 0)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http" or not log.writes_info():
            await self._app(scope, receive, send)
            return
        status, began = 0, time.perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _write(
                method=_method(scope),
                route=_pattern(scope),
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000),
                trace_id=trace_id_of(scope),
            )


def _method(scope: Scope) -> str:
    """The method, if it is one of HTTP's: a caller may send anything in its place."""
    method: str = scope["method"]
    return method if method in _METHODS else "other"


def _pattern(scope: Scope) -> str:
    """The pattern of the route that answered; of files a mount's, of nothing "none"."""
    pattern: str | None = getattr(scope.get("route"), "path", None)
    return pattern or scope.get("root_path") or "none"
