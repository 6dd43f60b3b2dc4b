"""`adapters.http` against a server that does everything wrong, over real sockets."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.http import GatewayHttp, HttpAnswer
from core import clock
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown
from tests.support.hostile import GOOD, HostileServer, hostile_server

SECRET = "Bearer very-secret-token"
HEADERS = {"Authorization": SECRET}
BODY = b'{"secretKey":"body-secret"}'


class Sleeps:
    """Stands in for sleeping between attempts: notes how long, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with hostile_server() as running:
        yield running


async def post(server: HostileServer, path: str, **options: Any) -> HttpAnswer:
    repeatable = options.pop("repeatable", False)
    settings: dict[str, Any] = {"total_deadline": 60.0, "sleep": Sleeps(), **options}
    http = GatewayHttp(server.url, **settings)
    try:
        return await http.post_json(path, BODY, HEADERS, repeatable=repeatable)
    finally:
        await http.aclose()


async def impatient_post(server: HostileServer, path: str, **options: Any) -> Exception:
    """How a call with a short deadline ends, once the server has heard one: a busy machine may
    let the first deadline pass before it connects."""
    for patience in (0.4, 4.0, 30.0):
        server.seen.clear()
        with pytest.raises((OutcomeUnknown, GatewayUnavailable)) as caught:
            await post(server, path, total_deadline=patience, **options)
        if server.seen[path]:
            return caught.value
    raise AssertionError("the server heard nothing")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


async def test_a_good_answer_is_returned_with_its_bytes(server: HostileServer) -> None:
    answer = await post(server, "/good")
    assert answer.ok
    assert answer.body == GOOD
    assert answer.document == {"data": {"url": "https://pay.example/1"}}


async def test_a_slow_but_complete_answer_is_waited_for(server: HostileServer) -> None:
    assert (await post(server, "/late")).ok


@pytest.mark.parametrize(
    "path",
    [
        "/reset",
        "/reset-in-body",
        "/closed",
        "/truncated",
        "/truncated-json",
        "/truncated-chunk",
        "/garbage",
        "/html",
        "/duplicate-keys",
        "/nan",
        "/empty",
        "/endless",
        "/endless-head",
        "/declared-huge",
        "/gzip-bomb",
        "/gzip-twice",
        "/gzip-broken",
        "/redirect",
        "/redirect-same",
        "/500",
        "/502",
        "/504",
        "/408",
    ],
)
async def test_after_sending_anything_unreadable_is_unknown_and_never_repeated(
    server: HostileServer, path: str
) -> None:
    with pytest.raises(OutcomeUnknown):
        await post(server, path)
    assert server.seen == {path: 1}


@pytest.mark.parametrize("path", ["/silent", "/slow-body", "/slow-head", "/endless-interim"])
async def test_the_total_deadline_cuts_an_answer_that_trickles_or_never_comes(
    server: HostileServer, path: str
) -> None:
    assert type(await impatient_post(server, path)) is OutcomeUnknown
    assert server.seen == {path: 1}


async def test_the_total_deadline_covers_every_attempt_together(server: HostileServer) -> None:
    error = await impatient_post(server, "/silent", repeatable=True, attempts=50)
    assert type(error) is OutcomeUnknown
    assert server.seen == {"/silent": 1}


@pytest.mark.parametrize("path", ["/reset-once", "/500-once"])
async def test_a_repeatable_call_is_repeated_byte_for_byte(
    server: HostileServer, path: str
) -> None:
    answer = await post(server, path, repeatable=True)
    assert answer.ok
    assert server.seen == {path: 2}
    assert server.requests[0] == server.requests[1]


async def test_a_repeatable_call_gives_up_after_its_attempts(server: HostileServer) -> None:
    with pytest.raises(OutcomeUnknown):
        await post(server, "/500", repeatable=True, attempts=3)
    assert server.seen == {"/500": 3}


async def test_a_refused_connection_is_tried_again_and_nothing_happened() -> None:
    sleeps = Sleeps()
    nobody = HostileServer(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GatewayUnavailable):
        await post(nobody, "/good", attempts=3, sleep=sleeps)
    assert len(sleeps.seconds) == 2


async def test_a_connection_refused_at_first_succeeds_later() -> None:
    port = free_port()
    started: list[asyncio.Server] = []

    async def start_in_between(_seconds: float) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.close()
            await writer.wait_closed()

        started.append(await asyncio.start_server(handle, "127.0.0.1", port))

    there = HostileServer(url=f"http://127.0.0.1:{port}")
    assert (await post(there, "/good", sleep=start_in_between)).document == {}
    started[0].close()


async def test_a_name_that_does_not_resolve_means_that_nothing_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    nowhere = HostileServer(url="https://gateway.invalid")
    with pytest.raises(GatewayUnavailable):
        await post(nowhere, "/good")


async def test_a_connect_timeout_means_that_nothing_happened() -> None:
    # A listener that never accepts, its queue full: further connections hang in the handshake.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        with pytest.raises(GatewayUnavailable):
            await post(HostileServer(url=url), "/good", connect_timeout=0.1, attempts=2)
        with pytest.raises(GatewayUnavailable):
            await post(HostileServer(url=url), "/good", total_deadline=0.2, connect_timeout=5.0)
        for one in waiting:
            one.close()


class Fates(httpx2.AsyncBaseTransport):
    """A transport whose attempts end as listed."""

    def __init__(self, *fates: Exception) -> None:
        self._fates = iter(fates)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise next(self._fates)


async def test_a_lost_answer_stays_unknown_even_if_the_repeat_is_refused() -> None:
    """A repeat that never reached the gateway must not hide an attempt that may have."""
    fates = Fates(httpx2.ReadError("gone"), httpx2.ConnectError("no"), httpx2.ConnectError("no"))
    with pytest.raises(OutcomeUnknown):
        await post(HostileServer(url="https://a.example"), "/", repeatable=True, transport=fates)


async def test_a_pool_without_a_free_connection_means_that_nothing_happened() -> None:
    fates = Fates(httpx2.PoolTimeout("full"))
    with pytest.raises(GatewayUnavailable):
        await post(HostileServer(url="https://a.example"), "/", attempts=1, transport=fates)


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("0", 0, 1),
        ("2", 2, 3),
        ("1000000000", 10, 11),
        ("9" * 5000, 10, 11),
        ("soon", 0, 5),
        ("-1", 0, 5),
        ("1.5", 0, 5),
        ("", 0, 5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 1),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 10, 11),
        ("Fri, 99 Oct 99999 99:99:99 GMT", 0, 5),
    ],
)
async def test_retry_after_is_honoured_and_capped(
    server: HostileServer, retry_after: str, least: float, most: float
) -> None:
    server.retry_after = retry_after
    sleeps = Sleeps()
    answer = await post(server, "/429", sleep=sleeps)
    assert answer.ok
    assert server.seen == {"/429": 3}
    assert len(sleeps.seconds) == 2
    for seconds in sleeps.seconds:
        assert least <= seconds <= most


async def test_retry_after_as_a_date_is_counted_from_now(server: HostileServer) -> None:
    with clock.frozen(dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)) as stopped:
        server.retry_after = format_datetime(stopped.at + dt.timedelta(seconds=4), usegmt=True)
        sleeps = Sleeps()
        await post(server, "/429", sleep=sleeps)
    for seconds in sleeps.seconds:
        assert 4 <= seconds <= 4.5


async def test_a_wait_beyond_the_deadline_is_not_begun(server: HostileServer) -> None:
    server.retry_after = "8"
    sleeps = Sleeps()
    with pytest.raises(GatewayUnavailable):
        await post(server, "/429", sleep=sleeps, total_deadline=7.0)
    assert sleeps.seconds == []
    assert server.seen == {"/429": 1}


async def test_503_is_harmless_only_for_a_gateway_that_says_so(server: HostileServer) -> None:
    with pytest.raises(OutcomeUnknown):
        await post(server, "/503")
    assert server.seen == {"/503": 1}


async def test_503_with_retry_after_is_repeated_where_the_gateway_says_so(
    server: HostileServer,
) -> None:
    assert (await post(server, "/503", untouched=frozenset({429, 503}))).ok
    assert server.seen == {"/503": 3}


async def test_503_without_retry_after_stays_unknown(server: HostileServer) -> None:
    server.retry_after = ""
    with pytest.raises(OutcomeUnknown):
        await post(server, "/503", untouched=frozenset({429, 503}))
    assert server.seen == {"/503": 1}


async def test_429_is_unknown_for_a_gateway_that_does_not_mean_it(server: HostileServer) -> None:
    with pytest.raises(OutcomeUnknown):
        await post(server, "/429", untouched=frozenset())


async def test_back_off_has_jitter_and_a_ceiling() -> None:
    sleeps = Sleeps()
    nobody = HostileServer(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GatewayUnavailable):
        await post(nobody, "/good", attempts=12, sleep=sleeps)
    assert len(set(sleeps.seconds)) == 11
    assert max(sleeps.seconds) <= 5


async def test_waits_grow_until_their_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the longest of each: a jitter that never grew would wear the gateway down."""
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    sleeps = Sleeps()
    nobody = HostileServer(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GatewayUnavailable):
        await post(nobody, "/good", attempts=8, sleep=sleeps)
    assert sleeps.seconds == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])


async def test_a_4xx_is_an_answer_with_or_without_json(server: HostileServer) -> None:
    refused = await post(server, "/400")
    assert (refused.status, refused.ok, refused.document) == (400, False, {"error_code": "03"})
    without = await post(server, "/401-html")
    assert (without.status, without.document) == (401, None)
    assert sum(server.seen.values()) == 2


async def test_a_plainly_compressed_answer_is_read(server: HostileServer) -> None:
    assert (await post(server, "/gzip")).body == GOOD
    assert b"accept-encoding: identity" in server.requests[0].lower()


@pytest.mark.parametrize("path", ["/endless", "/gzip-bomb"])
async def test_memory_stays_bounded_whatever_is_sent(server: HostileServer, path: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(OutcomeUnknown):
            await post(server, path, max_bytes=100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


async def test_cookies_are_not_kept(server: HostileServer) -> None:
    http = GatewayHttp(server.url)
    await http.post_json("/cookie", BODY, HEADERS, repeatable=False)
    await http.get("/good", HEADERS)
    await http.aclose()
    assert b"stolen" not in server.requests[1]


async def test_get_asks_with_its_query_and_no_body(server: HostileServer) -> None:
    http = GatewayHttp(f"{server.url}/")
    assert (await http.get("/good?order=1", HEADERS)).ok
    await http.aclose()
    assert server.requests[0].startswith(b"GET /good?order=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("path", ["/500", "/garbage", "/html"])
async def test_no_body_or_credential_is_told(
    server: HostileServer, path: str, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(OutcomeUnknown) as caught:
        await post(server, path, repeatable=True, attempts=2)
    error: BaseException | None = caught.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None
    out = capsys.readouterr()
    told = f"{error!r} {error} {caplog.text} {out.out} {out.err}"
    assert "very-secret-token" not in told
    assert "body-secret" not in told


@pytest.mark.parametrize("token", ["two\r\nlines", "không-phải-ascii", "nul\x00"])
async def test_a_header_that_cannot_be_sent_is_our_fault_and_is_not_quoted(
    server: HostileServer, token: str
) -> None:
    http = GatewayHttp(server.url)
    with pytest.raises(GatewayMisuse) as caught:
        await http.post_json("/good", BODY, {"Authorization": token}, repeatable=True)
    await http.aclose()
    assert token not in repr(caught.value)
    assert caught.value.__context__ is None
    assert server.seen == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example",
        "ftp://127.0.0.1",
        "https://user:password@gateway.example",
        "https://gateway.example/?key=1",
        "https://",
        "nonsense",
        "http://[",
    ],
)
def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(GatewayMisuse) as caught:
        GatewayHttp(url)
    assert "password" not in str(caught.value)


def test_the_repr_names_the_host_only() -> None:
    assert repr(GatewayHttp("https://gateway.example/pay")) == "GatewayHttp('gateway.example')"


async def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    certificate, server_side = self_signed(tmp_path)
    async with hostile_server(server_side) as server:
        with pytest.raises(GatewayUnavailable):
            await post(server, "/good", attempts=1)
        assert server.seen == {}
        trusting = ssl.create_default_context(cafile=certificate)
        assert (await post(server, "/good", tls=trusting)).ok


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for the loopback address, and a server's context that presents it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hostile")])
    now = clock.now()
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = folder / "key.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context
