"""An address with a NUL in it names nothing that we could have.

The database takes no such text, so that every cursor, code and word would have to be looked at by
its route; here all of them are, once. Callbacks are left alone: what is authentic is kept, however
odd it is.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import FieldError, Invalid
from core.problems import body_of, problem_response, trace_id_of


class OddAddresses:
    """Answers 422 to a request whose path or query holds a NUL, however it is written."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http" or not _has_nul(scope):
            await self._app(scope, receive, send)
            return
        fault = FieldError("address", "unreadable", "The address holds a NUL (%00).")
        refused = Invalid("Địa chỉ có ký tự không dùng được.", errors=[fault])
        answer = problem_response(body_of(refused, trace_id_of(scope)))
        await answer(scope, receive, send)


def _has_nul(scope: Scope) -> bool:
    path, query = scope["path"], scope["query_string"]
    odd: bool = b"%00" in query or b"\0" in query or "\0" in path
    return odd and not path.startswith("/callbacks/")
