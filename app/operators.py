"""What only the operator sees: figures, and the reference of every route.

In production these are closed unless LEPHI_OPERATOR_KEY is set, and then opened by it alone, as a
bearer token (instruments) or as the password of basic authentication (browsers). A demo and a test
leave them open.
"""

import base64
import binascii
import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from core.settings import Settings

PATHS = frozenset({"/metrics", "/docs", "/api/v1/openapi.json"})

_REALM = b'Basic realm="lephi", charset="UTF-8"'


class OperatorsOnly:
    """Middleware that answers 404 where these are closed, and 401 to whoever lacks the key."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """`settings` say whether there is a key, and how strict the mode is."""
        self._app = app
        self._key = settings.operator_key
        self._closed = settings.operator_key is None and settings.mode == "production"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        guarded = scope["type"] == "http" and scope["path"].rstrip("/") in PATHS
        if not guarded or (self._key is None and not self._closed):
            await self._app(scope, receive, send)
        elif self._closed:
            await _answer(send, 404, [])
        elif self._knows(dict(scope["headers"]).get(b"authorization", b"")):
            await self._app(scope, receive, send)
        else:
            await _answer(send, 401, [(b"www-authenticate", _REALM)])

    def _knows(self, authorization: bytes) -> bool:
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return hmac.compare_digest(given, (self._key or "").encode())


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    length = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers + length})
    await send({"type": "http.response.body", "body": b""})
