"""The one way out: JSON over HTTPS to a gateway, so that what happened is never guessed.

A call to a gateway ends in one of four ways, and which one decides about somebody's money:

* an answer (`HttpAnswer`): the adapter reads it;
* `GatewayUnavailable`: nothing happened. The connection was refused, the name did not resolve,
  the connection timed out before a byte was sent, or the gateway itself said that it did nothing
  (429, or 503 with `Retry-After`, where the adapter lists them in `untouched`);
* `OutcomeUnknown`: bytes had left us and no readable answer came back: a read time-out, a reset,
  a truncated, oversized or unreadable body, a redirect, a 5xx. Nobody may repeat such a call
  unless the gateway promises that a repeat is the same request (`repeatable=True`);
* `GatewayMisuse`: the request could not even be built; our own fault.

The total deadline covers everything, waits between attempts included: the client library's own
time-outs are per read, so a gateway that sends one byte a second would hold us for ever.
Neither a body nor a credential is put into an exception or a log, and the library's exceptions,
which quote headers and bytes, are never chained to ours.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2
import tenacity

from core import clock, json, log
from core.deadlines import paused
from core.errors import Invalid
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown

_log = log.get(__name__)

_USER_AGENT: Final = "lephi/1"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_FIRST_WAIT: Final = 0.2
_LONGEST_WAIT: Final = 5.0
#: a compressed answer is accepted only in this one plain form; a stack of encodings is a bomb
_ENCODINGS: Final = frozenset({"", "identity", "gzip"})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A readable answer: any 2xx with strict JSON, or a 4xx (`document` None if it is not JSON).

    `body` is the raw bytes, for gateways that sign them; it stays out of the repr.
    """

    status: int
    document: object | None = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the gateway accepted the request (2xx)."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt without an answer; `happened` is False only where that is certain."""

    reason: str
    happened: bool
    ours: bool = False
    wait: float | None = None


class _Call:
    """One call with all its attempts: its deadline, and what is known about the bytes sent."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.sent = True
        self.ambiguous = False

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Follow the transport's events; until it says that it connects, assume the worst."""
        if event == "connection.connect_tcp.started":
            self.sent = False
        elif event.endswith(".send_request_headers.started"):
            self.sent = True


class GatewayHttp:
    """A client for one gateway account. All figures are in seconds and bytes.

    `attempts` counts the first one. `untouched` are the statuses by which this gateway says that
    it did nothing: 429, and 503 only when it carries `Retry-After`. `tls` replaces the default
    verifying context (a private authority); there is no way to switch verification off, and
    plain HTTP is refused except to this machine. `transport` and `sleep` serve tests. `opaque`:
    what is sent and answered is no JSON but bytes that bear a signature of their own; they are
    given unread, and plain HTTP is taken too.
    """

    def __init__(
        self,
        base_url: str,
        *,
        total_deadline: float = 30.0,
        connect_timeout: float = 5.0,
        max_bytes: int = 1_000_000,
        attempts: int = 3,
        max_retry_after: float = 10.0,
        untouched: frozenset[int] = frozenset({429}),
        opaque: bool = False,
        tls: ssl.SSLContext | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        url = checked_url(base_url, plain=opaque)
        self._opaque = opaque
        self.host = url.host
        self._base = str(url).rstrip("/")
        self._total = total_deadline
        self._max_bytes = max_bytes
        self._attempts = attempts
        self._max_retry_after = max_retry_after
        self._untouched = untouched
        self._sleep = sleep
        self._client = httpx2.AsyncClient(
            verify=tls or trusting_tls(),
            timeout=httpx2.Timeout(total_deadline, connect=min(connect_timeout, total_deadline)),
            # A connection is used once: one that the gateway closed while it lay idle would turn
            # a harmless call into an unknown outcome. The cost is a handshake for each call.
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=0),
            follow_redirects=False,
            # A proxy from the environment would answer "refused" in its own words (502).
            trust_env=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"GatewayHttp({self.host!r})"

    async def post_json(
        self, path: str, body: bytes, headers: Mapping[str, str], *, repeatable: bool
    ) -> HttpAnswer:
        """Send `body` (JSON bytes, the same at each attempt) and return the answer.

        Raises `GatewayUnavailable`, `OutcomeUnknown` or `GatewayMisuse` as the module says.
        """
        return await self._call(
            "POST", path, {"Content-Type": "application/json", **headers}, body, repeatable
        )

    async def post_form(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send a form (the headers say so) once, and return the answer; raises as `post_json`."""
        return await self._call("POST", path, headers, body, repeatable=False)

    async def post_bytes(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send bytes, again where no answer came; raises as `post_json` does."""
        return await self._call("POST", path, headers, body, repeatable=True)

    async def get(
        self, path: str, headers: Mapping[str, str], *, repeatable: bool = True
    ) -> HttpAnswer:
        """Ask for `path` (with its query); raises as `post_json` does."""
        return await self._call("GET", path, headers, None, repeatable)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        repeatable: bool,
    ) -> HttpAnswer:
        call = _Call(asyncio.get_running_loop().time() + self._total)
        request = self._request(call, method, path, headers, body)

        async def attempt() -> HttpAnswer | _Failure:
            result = await self._attempt(call, request)
            if isinstance(result, _Failure):
                call.ambiguous = call.ambiguous or result.happened
            return result

        def again(result: HttpAnswer | _Failure) -> bool:
            if isinstance(result, HttpAnswer) or result.ours:
                return False
            return repeatable or not result.happened

        def note(state: tenacity.RetryCallState) -> None:
            _log.warning(
                "gateway_call_retried",
                host=self.host,
                path=path.partition("?")[0],
                attempt=state.attempt_number,
                reason=_failure(state).reason,
            )

        retrying = tenacity.AsyncRetrying(
            sleep=self._sleep,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self._attempts),
                tenacity.stop_before_delay(self._total),
            ),
            wait=_wait,
            retry=tenacity.retry_if_result(again),
            before_sleep=note,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        with paused():  # whoever waits for us has our deadline
            result: HttpAnswer | _Failure = await retrying(attempt)
        if isinstance(result, HttpAnswer):
            return result
        message = f"{self.host}: {result.reason}"
        if result.ours:
            raise GatewayMisuse(message)
        if call.ambiguous:
            raise OutcomeUnknown(message)
        raise GatewayUnavailable(message)

    def _request(
        self,
        call: _Call,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> httpx2.Request:
        own = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
        }
        request: httpx2.Request | None = None
        # The library's own message would quote the header or the address.
        with contextlib.suppress(ValueError, TypeError, httpx2.InvalidURL):
            request = self._client.build_request(
                method,
                self._base + path,
                content=body,
                headers={**own, **headers},
                extensions={"trace": call.trace},
            )
        if request is None:
            raise GatewayMisuse(f"{self.host}: the request cannot be written as HTTP")
        return request

    async def _attempt(self, call: _Call, request: httpx2.Request) -> HttpAnswer | _Failure:
        """One attempt; the library's exceptions end here and become a value."""
        call.sent = True
        response: httpx2.Response | None = None
        try:
            async with asyncio.timeout_at(call.deadline):
                response = await self._client.send(request, stream=True)
                return await self._read(response)
        except TimeoutError:
            return _Failure("no complete answer within the deadline", happened=call.sent)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return _Failure(f"not connected ({type(error).__name__})", happened=False)
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol):
            return _Failure("the request cannot be written as HTTP", happened=False, ours=True)
        except (httpx2.HTTPError, OSError) as error:
            return _Failure(f"no complete answer ({type(error).__name__})", happened=call.sent)
        finally:
            if response is not None:
                await response.aclose()

    async def _read(self, response: httpx2.Response) -> HttpAnswer | _Failure:
        status = response.status_code
        asked_to_wait = response.headers.get("Retry-After")
        if status in self._untouched and (status != 503 or asked_to_wait is not None):
            return _Failure(
                f"the gateway asks to come back later (HTTP {status})",
                happened=False,
                wait=self._retry_after(asked_to_wait),
            )
        if not (200 <= status < 300 or 400 <= status < 500) or status in (408, 429):
            return _Failure(f"no usable answer (HTTP {status})", happened=True)
        body = await self._body(response)
        if isinstance(body, _Failure):
            return body
        document: object | None = None
        if self._opaque:
            return HttpAnswer(status, document, body)
        try:
            document = json.loads(body, max_bytes=self._max_bytes)
        except Invalid:
            if status < 300:
                return _Failure(f"the answer is not JSON (HTTP {status})", happened=True)
        return HttpAnswer(status, document, body)

    async def _body(self, response: httpx2.Response) -> bytes | _Failure:
        """The body, never more than `max_bytes` of it, counted both packed and unpacked."""
        too_large = _Failure("the answer is larger than allowed", happened=True)
        if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
            return _Failure("the answer is encoded in a way we did not ask for", happened=True)
        kept = bytearray()
        async for chunk in response.aiter_bytes():
            kept += chunk
            if max(len(kept), response.num_bytes_downloaded) > self._max_bytes:
                return too_large
        return bytes(kept)

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds to wait as the gateway asks (RFC 9110 §10.2.3), capped; None for garbage."""
        if value is None:
            return None
        text = value.strip()
        if text.isascii() and text.isdigit():
            # The length is looked at first: a number of a million digits is slow to convert.
            return self._max_retry_after if len(text) > 9 else min(int(text), self._max_retry_after)
        try:
            moment = parsedate_to_datetime(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - clock.now()).total_seconds()
        except (ValueError, OverflowError):
            return None
        return min(max(seconds, 0.0), self._max_retry_after)


_backoff = tenacity.wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT)


def _failure(state: tenacity.RetryCallState) -> _Failure:
    result = state.outcome.result() if state.outcome is not None else None
    return result if isinstance(result, _Failure) else _Failure("no attempt yet", happened=False)


def _wait(state: tenacity.RetryCallState) -> float:
    """The gateway's wish plus a jitter, else exponential back-off with full jitter."""
    asked = _failure(state).wait
    return _backoff(state) if asked is None else asked + _backoff(state) / 10


@functools.cache
def trusting_tls() -> ssl.SSLContext:
    """The default verifying context; one for all, since reading the authorities takes 40 ms."""
    return httpx2.create_ssl_context(trust_env=False)


def checked_url(base_url: str, *, plain: bool = False) -> httpx2.URL:
    """The address as a URL; `GatewayMisuse` unless it is HTTPS, or HTTP to this machine.

    With `plain` HTTP is taken to any machine.
    """
    url: httpx2.URL | None = None
    with contextlib.suppress(httpx2.InvalidURL):
        url = httpx2.URL(base_url)
    if url is None or not url.host:
        raise GatewayMisuse("the gateway's address is not a URL")
    if url.userinfo or url.query or url.fragment:
        raise GatewayMisuse("the gateway's address carries more than a host and a path")
    if url.scheme != "https" and not (url.scheme == "http" and (plain or url.host in _LOOPBACK)):
        raise GatewayMisuse(f"{url.host}: the gateway's address must be https")
    return url
