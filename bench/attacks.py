"""Ways of attacking a service, each with a count; they last as long as their block.

None of them knows more than an outsider does, but for those that the machine itself plays: the
database that stands still, the disk that is full, the gateway that hangs.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.embedded.supervisor import EmbeddedDatabase
from app.seed.agency import configure_gateway, seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import parts_of
from bench.bills import free_port
from bench.intake import Upload, statement_rows
from bench.small_disk import MountRefused, SmallDisk
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Scope

#: How long an answer is awaited before it counts as none.
PATIENCE: Final = 60.0
_GATEWAY: Final = "paygov"
_CREDENTIALS: Final = {
    name: f"attack-{name}"
    for name in ("partner_code", "access_key", "secret_key", "token", "service_code")
}
_TURNS: Final = itertools.count()
#: Rows of each of many statements that come at once.
_ROWS: Final = 60_000


class HarmlessAttack(Exception):
    """Nothing was done that could have hurt: the figures say nothing."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """What is in the database under attack: keys of a portal and of the finance office, the body
    with its account, and the port of a gateway that nobody serves yet."""

    api_key: str
    office_key: str
    agency: str
    account: str
    gateway_port: int


async def sow(settings: Settings) -> Seeds:
    """Put them there."""
    port = free_port()
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        body = await seed_body(session)
        await seed_catalogue(session, local={"ha-noi": body.agency_id})
        owner = body.agency_id
        _, portal = await create_api_key(session, agency_id=owner, label="portal")
        scopes = [Scope.STATEMENTS]
        _, office = await create_api_key(session, agency_id=owner, label="office", scopes=scopes)
        await configure_gateway(
            session,
            parts.cipher,
            agency_id=owner,
            collection_account_id=body.collection_account_id,
            gateway=_GATEWAY,
            account="attack",
            base_url=f"http://127.0.0.1:{port}",
            credentials=_CREDENTIALS,
        )
    return Seeds(portal, office, body.agency_code, body.collection_code, port)


@dataclass(frozen=True, slots=True)
class Target:
    """The service under attack, and its database on a disk that may be a small one."""

    port: int
    pid: int
    seeds: Seeds
    database: EmbeddedDatabase
    disk: SmallDisk | None


async def ask(port: int, request: bytes) -> int:
    """The status of the answer to one request on a connection of its own; 0 for none."""
    return (await exchange(port, request))[0]


async def exchange(port: int, request: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer to one request; 0 for none."""
    try:
        async with asyncio.timeout(PATIENCE):
            async with connected(port) as (reader, writer):
                writer.write(request)
                line = await reader.readline()
                rest = await reader.read()
        return (int(line.split()[1]) if line else 0), rest.partition(b"\r\n\r\n")[2]
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0, b""


def post(target: Target, path: str, asked: dict[str, object]) -> bytes:
    """A portal's request, with a key of idempotency of its own."""
    body = json.dumps(asked).encode()
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {target.seeds.api_key}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: attack-{time.time_ns()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def bill_request(target: Target) -> bytes:
    """A portal's request for one more bill."""
    lines = [{"fee": "2.000815", "quantity": 3}]
    return post(target, "/bills", {"agency": target.seeds.agency, "lines": lines})


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the service, thrown away afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def half_open(target: Target, count: int) -> AsyncIterator[None]:
    """Connections that send half a head, and come again as soon as they are thrown out."""

    async def hold() -> None:
        while True:
            with contextlib.suppress(OSError):
                async with connected(target.port) as (reader, writer):
                    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
                    await reader.read(1)
            await asyncio.sleep(1)

    async with _running([hold() for _ in range(count)]):
        yield


@contextlib.asynccontextmanager
async def endless_bodies(target: Target, count: int) -> AsyncIterator[None]:
    """Senders of chunked forms without a key and without an end, as fast as they are read."""
    head = (
        b"POST /api/v1/statements HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        b"Idempotency-Key: endless\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    piece = b"a" * 65_536
    opening = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'

    async def send() -> None:
        while True:
            try:
                async with connected(target.port) as (_, writer):
                    writer.write(head + b"%x\r\n%b\r\n" % (len(opening), opening))
                    while True:
                        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                        await writer.drain()
            except OSError:
                await asyncio.sleep(0.2)

    async with _running([send() for _ in range(count)]):
        yield


@contextlib.asynccontextmanager
async def many_parts(target: Target, count: int) -> AsyncIterator[None]:
    """Forms without a key, of 999 parts of almost 1 MB each."""
    head = (
        b"POST /api/v1/statements HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        b"Idempotency-Key: parts\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 1_000_000 + b"\r\n"

    async def send() -> None:
        with contextlib.suppress(OSError):
            async with connected(target.port) as (reader, writer):
                writer.write(head)
                for _ in range(999):
                    writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                    await writer.drain()
                await reader.read(1)

    async with _running([send() for _ in range(count)]):
        yield


@contextlib.asynccontextmanager
async def frozen_database(target: Target, count: int) -> AsyncIterator[None]:
    """The database's server stopped in the middle of everything, all its processes."""
    stopped = [target.database.pid or 0, *_children(target.database.pid or 0)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in told.split()]


@contextlib.asynccontextmanager
async def _running(work: list[object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(one) for one in work]  # type: ignore[call-overload]
    try:
        await asyncio.sleep(1)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def full_disk(target: Target, _: int) -> AsyncIterator[None]:
    """The disk of the database without a free byte, log of changes and all."""
    if target.disk is None:
        raise MountRefused("only root may mount a disk that can be filled")
    try:
        await asyncio.to_thread(target.disk.fill)
        yield
    finally:
        target.disk.empty()
        if target.database.pid is None:  # it gave up: its supervisor starts it again
            await asyncio.to_thread(target.database.stop)
            await asyncio.to_thread(target.database.start)


@contextlib.asynccontextmanager
async def hanging_gateway(target: Target, count: int) -> AsyncIterator[None]:
    """A gateway that takes every call and answers none, and so many citizens who pay there."""

    async def pay() -> None:
        while True:
            status, answer = await exchange(target.port, bill_request(target))
            if status == 201:
                path = f"/bills/{json.loads(answer)['id']}/payments"
                await exchange(target.port, post(target, path, {"gateway": _GATEWAY}))
            else:
                await asyncio.sleep(0.5)

    calls: list[_Silence] = []

    def take() -> _Silence:
        calls.append(_Silence())
        return calls[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(take, "127.0.0.1", target.seeds.gateway_port)
    try:
        async with server, _running([pay() for _ in range(count)]):
            yield
    finally:
        for call in calls:
            call.end()
    if not calls:
        raise HarmlessAttack("nobody was sent to the gateway that hangs")


class _Silence(asyncio.Protocol):
    """A call that is taken and not answered."""

    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def end(self) -> None:
        """Hang up."""
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()


@contextlib.asynccontextmanager
async def large_statement(target: Target, rows: int) -> AsyncIterator[None]:
    """The finance office's statement of so many rows; nobody waits for its end."""
    turn = next(_TURNS)
    lines = await asyncio.to_thread(lambda: list(statement_rows(turn, rows)))
    upload = Upload(target.port, target.seeds.office_key, target.seeds.account, lines)
    upload.start()
    try:
        yield
    finally:
        upload.give_up()
    if not upload.is_accepted:
        raise HarmlessAttack("the statement was not even begun")


@contextlib.asynccontextmanager
async def many_statements(target: Target, count: int) -> AsyncIterator[None]:
    """So many statements at once, each of as many rows as an office has in some months."""
    turns = [next(_TURNS) for _ in range(count)]
    files = await asyncio.to_thread(lambda: [list(statement_rows(n, _ROWS)) for n in turns])
    uploads = [
        Upload(target.port, target.seeds.office_key, target.seeds.account, lines) for lines in files
    ]
    for upload in uploads:
        upload.start()
    try:
        yield
        # A busy machine reads them slowly, however short the attack is.
        await asyncio.to_thread(_until_begun, uploads)
    finally:
        for upload in uploads:
            upload.give_up()
    if not any(upload.is_accepted for upload in uploads):
        raise HarmlessAttack("no statement was even begun")


def _until_begun(uploads: Sequence[Upload]) -> None:
    """Wait until one of them is being taken in, or nobody would wait any longer."""
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until and not any(one.is_accepted for one in uploads):
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Attack:
    """One way of attacking, or several at once: how many of each, in the long and in the short
    form. `small_disk`: the database needs a disk that can be filled."""

    name: str
    ways: tuple[Callable[[Target, int], AbstractAsyncContextManager[None]], ...]
    counts: tuple[tuple[int, ...], ...]
    short: tuple[int, ...]
    small_disk: bool = False

    @contextlib.asynccontextmanager
    async def begin(self, target: Target, counts: tuple[int, ...]) -> AsyncIterator[None]:
        """Attack in all these ways until the block ends."""
        async with contextlib.AsyncExitStack() as stack:
            for way, count in zip(self.ways, counts, strict=True):
                await stack.enter_async_context(way(target, count))
            yield


def _alone(
    name: str,
    way: Callable[[Target, int], AbstractAsyncContextManager[None]],
    counts: tuple[int, ...],
    short: int,
    *,
    small_disk: bool = False,
) -> Attack:
    return Attack(name, (way,), tuple((one,) for one in counts), (short,), small_disk)


def _at_once(first: Attack, second: Attack) -> Attack:
    """Two attacks together, each as hard as it comes alone."""
    return Attack(
        f"{first.name}, {second.name}",
        first.ways + second.ways,
        (first.counts[-1] + second.counts[-1],),
        first.short + second.short,
        first.small_disk or second.small_disk,
    )


_HALF_OPEN: Final = _alone("half-open connections", half_open, (1200, 3000), 300)
_ENDLESS: Final = _alone("endless bodies", endless_bodies, (20,), 4)
_FROZEN: Final = _alone("a frozen database", frozen_database, (1,), 1)
_FULL: Final = _alone("a full disk", full_disk, (1,), 1, small_disk=True)
_HANGING: Final = _alone("a hanging gateway", hanging_gateway, (60,), 10)
_STATEMENT: Final = _alone("a statement of rows", large_statement, (400_000,), 60_000)

ATTACKS: Final = (
    _HALF_OPEN,
    _ENDLESS,
    _alone("forms of 999 parts", many_parts, (1,), 1),
    _FROZEN,
    _FULL,
    _HANGING,
    _STATEMENT,
    _alone("statements of 60,000 rows", many_statements, (16,), 3),
    _at_once(_HALF_OPEN, _STATEMENT),
    _at_once(_HANGING, _STATEMENT),
    _at_once(_ENDLESS, _HALF_OPEN),
    _at_once(_HANGING, _FROZEN),
    _at_once(_FULL, _HANGING),
)
