"""The headers that every answer carries, whatever made it, unless it brings its own."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.policy import STRICT

_ALWAYS: Mapping[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": STRICT.encode(),
}
#: For two years; what other names of the domain do is not ours to say.
_HTTPS_ONLY: Mapping[bytes, bytes] = {b"strict-transport-security": b"max-age=63072000"}
_CACHE = b"cache-control"
_ANSWER = {**_ALWAYS, _CACHE: b"no-store"}
#: The address of a file of ours changes with its content.
_FILE = {**_ALWAYS, _CACHE: b"public, max-age=31536000, immutable"}


class Headers:
    """Adds the headers to each answer as it begins.

    Starlette's decorator for such things would run every request in a task of its own and pass
    its answer through a queue; docs/decisions/0006 has what that costs. With `https_only` browsers
    are told to come by HTTPS alone from now on.
    """

    def __init__(self, app: ASGIApp, *, https_only: bool = False) -> None:
        self._app = app
        self._always = _HTTPS_ONLY if https_only else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                brought = {name for name, _ in own}
                ours = {**_headers_of(scope["path"], message["status"]), **self._always}
                added = [header for header in ours.items() if header[0] not in brought]
                message = {**message, "headers": [*own, *added]}
            await send(message)

        await self._app(scope, receive, completed)


def _headers_of(path: str, status: int) -> Mapping[bytes, bytes]:
    if path.startswith("/static"):
        return _FILE if path.startswith("/static/") and status == 200 else _ALWAYS
    return _ANSWER
