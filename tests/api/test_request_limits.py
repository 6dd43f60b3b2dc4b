"""What a request may send before anybody knows who it is, and how much then."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.limits import RequestLimits
from app.server import ConnectionLimits, guarded
from core.bodies import MOST_BYTES
from core.ids import new_id
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = "multipart/form-data; boundary=x"
ROUTES = ["/api/v1/statements", "/api/v1/statements/forced", "/api/v1/catalogue/proposals"]


async def first_line(system: System, sent: bytes, *, port: int | None = None) -> str:
    """The status line of the answer to these bytes, after which nothing more is sent."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port or int(system.base_url.rpartition(":")[2])
    )
    try:
        writer.write(sent)
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()


def head(path: str, *lines: str) -> bytes:
    always = ("Host: 127.0.0.1", f"Idempotency-Key: {new_id('test')}")
    return "\r\n".join([f"POST {path} HTTP/1.1", *always, *lines, "", ""]).encode()


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("length", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("key", ["", "Authorization: Bearer lp_nobody"])
async def test_a_form_without_a_key_is_refused_before_a_byte_of_it_has_come(
    shared_system: System, path: str, length: str, key: str
) -> None:
    lines = [f"Content-Type: {FORM}", length, *([key] if key else [])]
    assert await first_line(shared_system, head(path, *lines)) == "HTTP/1.1 401 Unauthorized"


async def test_a_key_that_may_not_is_refused_before_its_form(shared_system: System) -> None:
    key = f"Authorization: Bearer {shared_system.api_key}"
    sent = head(ROUTES[0], f"Content-Type: {FORM}", "Content-Length: 100000", key)
    assert await first_line(shared_system, sent) == "HTTP/1.1 403 Forbidden"


async def test_without_the_look_at_the_key_nothing_is_answered(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def nobody_looks(*_: object) -> None:
        reached.set()

    monkeypatch.setattr(RequestLimits, "_ask_for_key", nobody_looks)
    sent = head(ROUTES[0], f"Content-Type: {FORM}", "Content-Length: 100000")
    answer = asyncio.ensure_future(first_line(shared_system, sent))
    await reached.wait()
    assert not answer.done()
    answer.cancel()


@pytest.mark.parametrize("path", ["/api/v1/bills", "/tim-bien-lai", "/callbacks/sepay/test"])
async def test_a_declared_length_over_the_greatest_is_refused_unread(
    shared_system: System, path: str
) -> None:
    lines = [
        "Content-Type: application/x-www-form-urlencoded",
        f"Authorization: Bearer {shared_system.api_key}",
        f"Content-Length: {MOST_BYTES + 1}",
    ]
    answer = await first_line(shared_system, head(path, *lines))
    assert answer.split()[1] in ("400", "404", "413"), answer


async def test_an_endless_body_is_refused_once_it_is_too_long(shared_system: System) -> None:
    system = shared_system

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3 * MOST_BYTES // 65_536):
            yield b" " * 65_536

    answer = await system.client.post(
        "/api/v1/bills",
        content=endless(),
        headers={"Content-Type": "application/json", "Idempotency-Key": new_id("test")},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("parts", "size"), [(999, 10), (3, 100_000)], ids=["many parts", "a long field"]
)
async def test_a_form_has_few_parts_and_short_fields(
    shared_system: System, parts: int, size: int
) -> None:
    one = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * size + b"\r\n"
    answer = await shared_system.office.post(
        ROUTES[0],
        content=one * parts + b"--x--\r\n",
        headers={"Content-Type": FORM, "Idempotency-Key": new_id("test")},
    )
    assert answer.status_code in (400, 413)


@pytest.fixture(scope="module")
def strict() -> ConnectionLimits:
    return ConnectionLimits(most=12, most_of_one=100, head_bytes=4096)


async def test_half_open_connections_make_room_for_whoever_asks(
    system_template: SystemTemplate, tmp_path: Path, strict: ConnectionLimits
) -> None:
    async with system_at(system_template, tmp_path, http=guarded(strict)) as system:
        port = int(system.base_url.rpartition(":")[2])
        held = []
        for _ in range(40):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: 127")
            held.append(writer)
        for _ in range(3):
            bill = await system.create_bill()
            assert (await system.read(bill))["status"] == "open"
        for writer in held:
            writer.close()


async def test_a_head_without_an_end_is_refused(
    system_template: SystemTemplate, tmp_path: Path, strict: ConnectionLimits
) -> None:
    async with system_at(system_template, tmp_path, http=guarded(strict)) as system:
        port = int(system.base_url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answer = b""
        with contextlib.suppress(ConnectionError):  # whoever goes on sending is told by that
            for number in range(20):
                writer.write(b"X-%d: " % number + b"a" * 1000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
            answer = await reader.read()
        assert answer == b"" or b" 431 " in answer
        writer.close()


async def test_requests_one_after_the_other_share_a_connection(
    system_template: SystemTemplate, tmp_path: Path, strict: ConnectionLimits
) -> None:
    async with system_at(system_template, tmp_path, http=guarded(strict)) as system:
        port = int(system.base_url.rpartition(":")[2])
        with socket.socket() as plain:
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(plain, ("127.0.0.1", port))
            ask = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            await loop.sock_sendall(plain, ask * 3)  # without waiting for an answer
            came = b""
            while came.count(b"HTTP/1.1 200 ") < 3:
                came += await loop.sock_recv(plain, 65_536)
