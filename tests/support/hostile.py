"""An HTTP server written by hand that does what a gateway should not, on purpose.

Each path is a misdeed; `seen` counts how often each was asked for.
"""

import asyncio
import contextlib
import gzip
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

GOOD = b'{"data":{"url":"https://pay.example/1"}}'
BOMB = 50_000_000

Writer: TypeAlias = asyncio.StreamWriter
Misdeed: TypeAlias = Callable[["HostileServer", Writer], Awaitable[None]]


@dataclass
class HostileServer:
    """A running server: its address, what it saw, and an event that frees silent handlers."""

    url: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    requests: list[bytes] = field(default_factory=list)
    retry_after: str = "0"
    over: asyncio.Event = field(default_factory=asyncio.Event)


def answer(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A response as bytes; `length` may lie."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    head.append(f"Content-Length: {len(body) if length is None else length}")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


async def _silent(server: HostileServer, writer: Writer) -> None:
    await server.over.wait()


async def _late(server: HostileServer, writer: Writer) -> None:
    await asyncio.sleep(0.05)
    writer.write(answer(GOOD))


async def _slow_body(server: HostileServer, writer: Writer) -> None:
    writer.write(answer(b"", length=len(GOOD)))
    for byte in GOOD:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _slow_head(server: HostileServer, writer: Writer) -> None:
    for byte in answer(GOOD):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _reset(server: HostileServer, writer: Writer) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _reset_in_body(server: HostileServer, writer: Writer) -> None:
    writer.write(answer(GOOD[:10], length=len(GOOD)))
    await writer.drain()
    await _reset(server, writer)


async def _endless(server: HostileServer, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(OSError):
        while not server.over.is_set():
            writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            await writer.drain()


async def _endless_head(server: HostileServer, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    with contextlib.suppress(OSError):
        while not server.over.is_set():
            writer.write(b"X-More: " + b"x" * 4096 + b"\r\n")
            await writer.drain()


async def _endless_interim(server: HostileServer, writer: Writer) -> None:
    with contextlib.suppress(OSError):
        while not server.over.is_set():
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)


def _says(response: bytes) -> Misdeed:
    async def say(server: HostileServer, writer: Writer) -> None:
        writer.write(response)

    return say


def _busy(status: str) -> Misdeed:
    """Asks to come back later, the first two times."""

    async def busy(server: HostileServer, writer: Writer) -> None:
        if sum(server.seen.values()) > 2:
            writer.write(answer(GOOD))
        elif server.retry_after:
            writer.write(answer(b"busy", status, f"Retry-After: {server.retry_after}"))
        else:
            writer.write(answer(b"busy", status))

    return busy


def _fails_once(first: Misdeed) -> Misdeed:
    async def once(server: HostileServer, writer: Writer) -> None:
        await (first if sum(server.seen.values()) == 1 else _says(answer(GOOD)))(server, writer)

    return once


def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB)


MISDEEDS: dict[str, Misdeed] = {
    "/good": _says(answer(GOOD)),
    "/late": _late,
    "/silent": _silent,
    "/slow-body": _slow_body,
    "/slow-head": _slow_head,
    "/reset": _reset,
    "/reset-in-body": _reset_in_body,
    "/closed": _says(b""),
    "/truncated": _says(answer(GOOD[:10], length=len(GOOD))),
    "/truncated-json": _says(answer(GOOD[:10])),
    "/truncated-chunk": _says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + GOOD
    ),
    "/garbage": _says(b"\x16\x03\x01 this is not HTTP at all\r\n\r\n"),
    "/html": _says(answer(b"<!doctype html><h1>Welcome</h1>")),
    "/duplicate-keys": _says(answer(b'{"data":1,"data":2}')),
    "/nan": _says(answer(b'{"amount":NaN}')),
    "/empty": _says(answer(b"")),
    "/endless": _endless,
    "/endless-head": _endless_head,
    "/endless-interim": _endless_interim,
    "/declared-huge": _says(answer(b" ", length=10**12)),
    "/gzip": _says(answer(gzip.compress(GOOD), "200 OK", "Content-Encoding: gzip")),
    "/gzip-bomb": _says(answer(_bomb(), "200 OK", "Content-Encoding: gzip")),
    "/gzip-twice": _says(
        answer(gzip.compress(gzip.compress(GOOD)), "200 OK", "Content-Encoding: gzip, gzip")
    ),
    "/gzip-broken": _says(answer(b"not gzip", "200 OK", "Content-Encoding: gzip")),
    "/redirect": _says(answer(b"", "302 Found", "Location: /good")),
    "/redirect-same": _says(answer(b"", "307 Temporary Redirect", "Location: /good")),
    "/500": _says(answer(GOOD, "500 Internal Server Error")),
    "/502": _says(answer(b"<h1>Bad Gateway</h1>", "502 Bad Gateway")),
    "/504": _says(answer(b"", "504 Gateway Timeout")),
    "/408": _says(answer(GOOD, "408 Request Timeout")),
    "/400": _says(answer(b'{"error_code":"03"}', "400 Bad Request")),
    "/401-html": _says(answer(b"<h1>no</h1>", "401 Unauthorized")),
    "/429": _busy("429 Too Many Requests"),
    "/503": _busy("503 Service Unavailable"),
    "/cookie": _says(answer(GOOD, "200 OK", "Set-Cookie: session=stolen; Path=/")),
    "/reset-once": _fails_once(_reset),
    "/silent-once": _fails_once(_silent),
    "/500-once": _fails_once(_says(answer(b"", "500 Internal Server Error"))),
}


@contextlib.asynccontextmanager
async def hostile_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[HostileServer]:
    """Run one on a free port of the loopback address."""
    server = HostileServer()

    async def handle(reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            body = await reader.readexactly(length)
            server.seen[path] += 1
            server.requests.append(head + body)
            await MISDEEDS[path](server, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        server.over.set()
        listening.close()
