"""A place on the loopback address where gateways post callbacks, answered by a function."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from core import clock
from payments.ports import Acknowledgement, RawCallback


@dataclass
class Receiver:
    """`heard` are all callbacks so far; `answer` makes the acknowledgement of each."""

    answer: Callable[[RawCallback], Acknowledgement]
    url: str = ""
    heard: list[RawCallback] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, count: int) -> list[RawCallback]:
        """The first `count` callbacks, once they are there; TimeoutError if they never are."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: len(self.heard) >= count)
        return self.heard[:count]


@contextlib.asynccontextmanager
async def receiving(answer: Callable[[RawCallback], Acknowledgement]) -> AsyncIterator[Receiver]:
    """Listen on a free port.

    Every connection is closed at the end, and a fault of `answer` is raised there: left to the
    garbage collector, both would fall on a later test.
    """
    receiver = Receiver(answer)

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        callback = RawCallback(method, path, query, headers, body, clock.now())
        said = receiver.answer(callback)
        writer.write(
            f"HTTP/1.1 {said.status} Said\r\nContent-Type: {said.media_type}\r\n"
            f"Content-Length: {len(said.body)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(said.body)
        await writer.drain()
        async with receiver.changed:
            receiver.heard.append(callback)
            receiver.changed.notify_all()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await answered(reader, writer)
        except Exception as error:  # noqa: BLE001  it is raised where the test ends
            faults.append(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(handle(reader, writer))
        handling.add(task)
        task.add_done_callback(handling.discard)

    handling: set[asyncio.Task[None]] = set()
    faults: list[Exception] = []
    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        listening.close()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)
    for fault in faults:
        raise fault
