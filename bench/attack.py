"""What an attack costs everybody else: `python -m bench.attack [--short] [NAME …]`, or make attack.

A service of its own on a database of its own, on this machine only, is attacked in one way after
the other, for seconds. Meanwhile a few citizens look at a bill's page and a portal opens bills, one
after the other; how long they wait, how many are turned away, and how much memory the service takes
are compared with a quiet moment just before. Bounded in time and in count, whatever happens.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from bench.bills import free_port, seed, service
from bench.server import durable_server
from core.settings import Settings

#: How long an answer is awaited before it counts as none.
PATIENCE: Final = 60.0
CITIZENS: Final = 4
#: How long each attack lasts.
SECONDS, SHORT_SECONDS = 15.0, 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """The service under attack."""

    port: int
    pid: int
    api_key: str
    agency: str
    database: EmbeddedDatabase

    def memory(self) -> int:
        """MiB that the service takes now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kib) // 1024


@dataclass(slots=True)
class Felt:
    """What citizens and the portal felt: milliseconds of each answer, by its status."""

    answers: list[tuple[int, float]] = field(default_factory=list)

    def p99(self) -> float:
        """The 99th percentile of all, answered or not, in ms."""
        took = sorted(ms for _, ms in self.answers)
        return took[min(len(took) - 1, int(len(took) * 0.99))] if took else float("nan")

    def median(self) -> float:
        """Half of them waited no longer, in ms."""
        return statistics.median(ms for _, ms in self.answers) if self.answers else float("nan")

    def tally(self) -> str:
        """How many there were of each status; 0 is none at all."""
        counts: dict[int, int] = {}
        for status, _ in self.answers:
            counts[status] = counts.get(status, 0) + 1
        return " ".join(f"{status}:{count}" for status, count in sorted(counts.items()))


async def ask(port: int, request: bytes) -> int:
    """The status of the answer to one request on a connection of its own; 0 for none."""
    try:
        async with asyncio.timeout(PATIENCE):
            async with _connected(port) as (reader, writer):
                writer.write(request)
                line = await reader.readline()
                await reader.read()
        return int(line.split()[1]) if line else 0
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0


def bill_request(target: Target) -> bytes:
    """A portal's request for one more bill."""
    lines = [{"fee": "2.000815", "quantity": 3}]
    body = json.dumps({"agency": target.agency, "lines": lines}).encode()
    head = (
        f"POST /api/v1/bills HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {target.api_key}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: attack-{time.time_ns()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


PAGE: Final = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: text/html\r\n\r\n"
READY: Final = b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


async def live(target: Target, seconds: float) -> Felt:
    """Let citizens look at pages, and a portal open bills, for so many seconds."""
    felt = Felt()
    until = time.perf_counter() + seconds

    async def one(make: Callable[[], bytes]) -> None:
        while time.perf_counter() < until:
            began = time.perf_counter()
            status = await ask(target.port, make())
            felt.answers.append((status, (time.perf_counter() - began) * 1000))
            await asyncio.sleep(0.05)

    portal = one(lambda: bill_request(target))
    await asyncio.gather(portal, *(one(lambda: PAGE) for _ in range(CITIZENS)))
    return felt


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
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
                async with _connected(target.port) as (reader, writer):
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
                async with _connected(target.port) as (_, writer):
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
            async with _connected(target.port) as (reader, writer):
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


@dataclass(frozen=True, slots=True)
class Attack:
    """One way of attacking: how many at once, in the long and in the short form."""

    name: str
    begin: Callable[[Target, int], AbstractAsyncContextManager[None]]
    counts: tuple[int, ...]
    short: int


ATTACKS: Final = (
    Attack("half-open connections", half_open, (1200, 3000), 300),
    Attack("endless bodies", endless_bodies, (20,), 4),
    Attack("forms of 999 parts", many_parts, (1,), 1),
    Attack("a frozen database", frozen_database, (1,), 1),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one attack did to everybody else; memory in MiB."""

    attack: str
    count: int
    before: Felt
    during: Felt
    memory_before: int
    memory_during: int
    ready_ms: float


async def carry_out(target: Target, attack: Attack, count: int, seconds: float) -> Finding:
    """A quiet moment, then the attack."""
    before = await live(target, min(seconds, 3.0))
    memory = target.memory()
    most = memory

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, target.memory())
            await asyncio.sleep(0.1)

    watching = asyncio.ensure_future(watch())
    async with attack.begin(target, count):
        began = time.perf_counter()
        await ask(target.port, READY)
        ready = (time.perf_counter() - began) * 1000
        during = await live(target, seconds)
    watching.cancel()
    await asyncio.sleep(0.1)  # what was closed ends
    return Finding(attack.name, count, before, during, memory, most, ready)


def run(names: list[str], *, short: bool) -> list[Finding]:
    """Every attack whose name holds one of these words, all without any."""
    wanted = [one for one in ATTACKS if not names or any(name in one.name for name in names)]
    found: list[Finding] = []
    with durable_server() as (database, folder):
        upgrade(database.url())
        for attack in wanted:
            for count in (attack.short,) if short else attack.counts:
                settings = Settings(
                    mode="demo",
                    database_url=database.url(),
                    data_dir=folder / f"{len(found)}",
                    port=free_port(),
                    log_level="error",
                )
                found.append(
                    _attacked(
                        settings, database, attack, count, SHORT_SECONDS if short else SECONDS
                    )
                )
    return found


_SEEDED: dict[str, tuple[str, str]] = {}


def _attacked(
    settings: Settings, database: EmbeddedDatabase, attack: Attack, count: int, seconds: float
) -> Finding:
    if database.url() not in _SEEDED:
        _SEEDED[database.url()] = asyncio.run(seed(settings))
    api_key, agency = _SEEDED[database.url()]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # as a service manager starts it
    with service(settings) as pid:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        target = Target(settings.port, pid, api_key, agency, database)
        return asyncio.run(carry_out(target, attack, count, seconds))


def table(findings: list[Finding]) -> Table:
    """One line for each attack."""
    shown = Table(
        "attack", "at once", "p99 before", "p99 during", "median", "answers", "MiB", "ready"
    )
    for one in findings:
        shown.add_row(
            one.attack,
            str(one.count),
            f"{one.before.p99():.0f} ms",
            f"{one.during.p99():.0f} ms",
            f"{one.during.median():.0f} ms",
            one.during.tally(),
            f"{one.memory_before} → {one.memory_during}",
            f"{one.ready_ms:.0f} ms",
        )
    return shown


def main() -> None:
    """Attack, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only attacks with this word")
    parser.add_argument("--short", action="store_true", help="a few seconds of each")
    arguments = parser.parse_args()
    Console(width=150).print(table(run(arguments.names, short=arguments.short)))


if __name__ == "__main__":
    main()
