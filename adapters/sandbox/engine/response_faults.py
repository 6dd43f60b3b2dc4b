"""Answers that go wrong on their way: never, one byte at a time, cut off, or without end."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.sandbox.engine.replies import Reply, ResponseFault
from adapters.sandbox.engine.state import Timing

_BLOCK: Final = b" " * 65_536
_BLOCKS: Final = 800


def respond(reply: Reply, timing: Timing) -> Response:
    """The reply as a response, spoilt as it says."""
    known: dict[ResponseFault, type[_SpoiltAnswer]] = {
        ResponseFault.NEVER: _Never,
        ResponseFault.SLOW: _Slow,
        ResponseFault.TRUNCATED: _TruncatedAnswer,
        ResponseFault.HUGE: _Huge,
    }
    if reply.spoilt is ResponseFault.NONE:
        return _plain(reply)
    return known[reply.spoilt](reply, timing)


def _plain(reply: Reply) -> Response:
    return Response(
        reply.body, reply.status, headers=dict(reply.headers), media_type=reply.media_type
    )


class _SpoiltAnswer(Response):
    def __init__(self, reply: Reply, timing: Timing) -> None:
        super().__init__(reply.body, reply.status, media_type=reply.media_type)
        self._timing = timing

    async def _start(self, send: Send, length: int | None) -> None:
        headers = [(b"content-type", b"application/json")]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})


class _Never(_SpoiltAnswer):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _gone(receive, self._timing.never)
        await self._start(send, 0)
        await send({"type": "http.response.body", "body": b""})


class _Slow(_SpoiltAnswer):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._start(send, len(self.body))
        for byte in bytes(self.body):
            body = bytes([byte])
            await send({"type": "http.response.body", "body": body, "more_body": True})
            if await _gone(receive, self._timing.between_bytes):
                return
        await send({"type": "http.response.body", "body": b""})


class _TruncatedAnswer(_SpoiltAnswer):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body[: len(self.body) // 2])
        await self._start(send, None)
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # Coming back without an end makes the server close the connection: the cut we want.


class _Huge(_SpoiltAnswer):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._start(send, None)
        for _ in range(_BLOCKS):
            await send({"type": "http.response.body", "body": _BLOCK, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": bytes(self.body)})


async def _gone(receive: Receive, seconds: float) -> bool:
    """Wait; True as soon as the client has hung up."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
