"""Calls receivers of webhooks, and nobody whom a stranger's address could make us reach.

A receiver's address is its owner's word. It is HTTPS, its name is resolved once for each line,
every address that it has must be on the open internet, and the connection goes to the very address
that was looked at, with the receiver's name in TLS and in `Host`: what the name says a moment later
is never asked (DNS rebinding). No redirect is followed, no proxy used, no cookie kept, and of an
answer nothing but its status matters.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2

from adapters.http import trusting_tls
from core.deadlines import paused
from core.errors import FieldError, Invalid
from core.public_addresses import is_address, is_loopback, is_public
from payments.webhook_calls import WebhookAnswer, WebhookLine

#: In seconds, a whole call (Standard Webhooks 1.0 asks for 15 to 30).
TOTAL_DEADLINE: Final = 15.0
CONNECT_TIMEOUT: Final = 5.0
#: Of an answer so much is read, so that the connection can be used again; then it is cut.
_MOST_BYTES: Final = 16 * 1024

#: The addresses of a name and a port.
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


class _RefusedAddress(Exception):
    """An address that is never called; the code and the reason."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to connect, and who is meant."""

    address: str
    url: httpx2.URL


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, by the system's own resolver. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class WebhookClient:
    """See `payments.webhook_calls.WebhookCaller`.

    `loopback` lets this machine's own addresses through, and plain HTTP to them: for tests and for
    trying receivers out, never in production. `resolver` and `tls` serve tests.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
        total_deadline: float = TOTAL_DEADLINE,
    ) -> None:
        self._loopback = loopback
        self._resolve = resolver
        self._tls = tls
        self._total = total_deadline

    async def check(self, url: str) -> None:
        """Raises `Invalid` for an address that is never called."""
        try:
            with paused():
                await self._place(url)
        except _RefusedAddress as refused:
            fault = FieldError("url", refused.code, refused.detail)
            raise Invalid(f"url: {refused.detail}", errors=[fault]) from None

    @contextlib.asynccontextmanager
    async def line(self, url: str) -> AsyncIterator[WebhookLine]:
        """A line to the receiver; its name is resolved now, and not again."""
        try:
            place = await self._place(url)
        except _RefusedAddress as refused:
            yield _DeadLine(refused.detail)
            return
        # Below the library's client: nothing there follows, remembers or asks a proxy, and a call
        # costs a third less, which is what a receiver that catches up waits for.
        async with httpx2.AsyncHTTPTransport(
            verify=self._tls or trusting_tls(),
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1),
            trust_env=False,
        ) as transport:
            yield _OpenLine(transport, place, self._total)

    async def _place(self, text: str) -> _Place:
        """Where a receiver is. Raises `_RefusedAddress`."""
        url: httpx2.URL | None = None
        with contextlib.suppress(httpx2.InvalidURL):
            url = httpx2.URL(text)
        if url is None or not url.host or url.scheme not in ("https", "http"):
            raise _RefusedAddress("not_a_url", "phải là địa chỉ https://…")
        if url.userinfo or url.fragment:
            raise _RefusedAddress("not_a_url", "không được mang tên người dùng hay phần sau dấu #")
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.host
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                addresses = [host] if is_address(host) else await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise _RefusedAddress("unresolved", "tên máy không phân giải được")
        own = self._loopback and all(is_loopback(one) for one in addresses)
        if not own and not all(is_public(one) for one in addresses):
            raise _RefusedAddress(
                "not_public", "phải nằm trên mạng công cộng, không phải địa chỉ nội bộ"
            )
        if url.scheme != "https" and not own:
            raise _RefusedAddress("not_https", "phải là https")
        return _Place(addresses[0], url)


class _DeadLine:
    """A line on which nobody is called."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def post(self, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Say why."""
        return WebhookAnswer(None, f"not called: {self._reason}")


class _OpenLine:
    """A line to the address that was looked at."""

    def __init__(self, transport: httpx2.AsyncHTTPTransport, place: _Place, total: float) -> None:
        self._transport = transport
        self._total = total
        self._url = place.url.copy_with(host=place.address)
        self._own = {
            "host": place.url.netloc.decode("ascii"),
            "user-agent": "lephi/1",
            "accept": "*/*",
        }
        timeout = httpx2.Timeout(total, connect=min(CONNECT_TIMEOUT, total))
        self._extensions = {"sni_hostname": place.url.host, "timeout": timeout.as_dict()}

    async def post(self, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """See `WebhookLine`."""
        request = httpx2.Request(
            "POST",
            self._url,
            content=body,
            headers={**self._own, **headers},
            extensions=self._extensions,
        )
        try:
            async with asyncio.timeout(self._total):
                response = await self._transport.handle_async_request(request)
                try:
                    await _read_little(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return WebhookAnswer(None, f"no complete answer within {self._total:.0f} s")
        except (httpx2.HTTPError, OSError) as error:
            return WebhookAnswer(None, f"no answer ({type(error).__name__})")
        status = response.status_code
        if 200 <= status < 300:
            return WebhookAnswer(status)
        said = "a redirect, which is not followed" if 300 <= status < 400 else "not taken"
        return WebhookAnswer(status, f"HTTP {status}: {said}")


async def _read_little(response: httpx2.Response) -> None:
    """Read the answer to its end if that is near; as it comes, never unpacked."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > _MOST_BYTES:
            return
