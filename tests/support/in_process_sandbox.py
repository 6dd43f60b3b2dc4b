"""The sandbox without sockets and without waiting, for tests that step through time themselves.

Requests go straight into `SandboxState`; what would be silence or a broken connection is the
transport's own exception. Callbacks are handed over when the test says so.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

import httpx2

from adapters.http import GatewayHttp
from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply, ResponseFault
from adapters.sandbox.engine.state import SandboxState
from payments.ports import Acknowledgement, RawCallback

Receiver = Callable[[RawCallback], Awaitable[Acknowledgement]]

_HUGE: Final = b" " * 2_000_000


async def _no_sleep(_seconds: float) -> None:
    return None


class InProcessSandbox:
    """A sandbox and the one who receives its callbacks. `receive` may raise `ConnectionError`,
    which is a receiver that is away."""

    def __init__(self, state: SandboxState, receive: Receiver) -> None:
        self.state = state
        self._receive = receive

    def http(self, dialect: str) -> GatewayHttp:
        """The way out for an adapter of that dialect, ending in this sandbox."""
        return GatewayHttp(
            f"{self.state.base_url}/{dialect}",
            untouched=frozenset({429, 503}),
            transport=_Transport(self),
            sleep=_no_sleep,
        )

    async def send_due(self) -> int:
        """Hand over every callback that is due now; how many."""
        due = self.state.deliveries.take_due(self.state.now())
        for delivery in due:
            await self._hand_over(delivery)
        return len(due)

    async def send_now(self, deliveries: Iterable[WebhookDelivery]) -> None:
        """Hand over these, due or not."""
        for delivery in deliveries:
            if self.state.deliveries.take(delivery):
                await self._hand_over(delivery)

    async def _hand_over(self, delivery: WebhookDelivery) -> None:
        headers = self.state.headers_for(delivery)
        parts = urlsplit(delivery.url)
        callback = RawCallback(
            method=delivery.message.method,
            path=parts.path,
            query=parts.query,
            headers={name.lower(): value for name, value in headers.items()},
            body=delivery.body,
            received_at=self.state.now(),
        )
        try:
            answer = await self._receive(callback)
        except ConnectionError as away:
            self.state.answered(delivery, headers, None, error=type(away).__name__)
        else:
            self.state.answered(delivery, headers, answer.status, answer.body)


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, sandbox: InProcessSandbox) -> None:
        self._sandbox = sandbox

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        state = self._sandbox.state
        dialect, _, path = request.url.path.lstrip("/").partition("/")
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.url.query.decode()
        body = await request.aread()
        asked = ProviderRequest(request.method, path, query, headers, body)
        reply = state.handle(dialect, asked)
        assert isinstance(reply, Reply), f"no adapter calls {request.url.path}"
        await self._sandbox.send_now(reply.first)
        if reply.order is not None:
            state.reveal(reply.order)
        return _response(reply)


def _response(reply: Reply) -> httpx2.Response:
    if reply.spoilt in (ResponseFault.NEVER, ResponseFault.SLOW):
        raise httpx2.ReadTimeout("no answer")
    if reply.spoilt is ResponseFault.TRUNCATED:
        raise httpx2.RemoteProtocolError("cut off")
    body = _HUGE if reply.spoilt is ResponseFault.HUGE else reply.body
    headers = {"Content-Type": reply.media_type, **reply.headers}
    return httpx2.Response(reply.status, headers=headers, content=body)
