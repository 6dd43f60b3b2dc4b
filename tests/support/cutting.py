"""A wire between clients and the service that is cut now and then, in the middle of a word."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator


class CuttingWire:
    """Passes bytes on, both ways, until somebody cuts."""

    def __init__(self) -> None:
        self.url = ""
        self.cuts = 0
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Cut every connection at once: both ends are told by a reset, and nothing more comes."""
        for writer in self._open:
            self.cuts += 1
            end = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on until this end or the other is closed."""
        self._open.add(writer)
        try:
            while piece := await reader.read(65_536):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()


@contextlib.asynccontextmanager
async def cutting_wire(port: int) -> AsyncIterator[CuttingWire]:
    """A wire to the service on `port`; `url` is its near end."""
    wire = CuttingWire()
    ends: set[asyncio.Task[None]] = set()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # nobody is at home
            writer.transport.abort()
            return
        for one in (wire.carry(reader, there[1]), wire.carry(there[0], writer)):
            task = asyncio.create_task(one)
            ends.add(task)
            task.add_done_callback(ends.discard)

    async with await asyncio.start_server(join, "127.0.0.1", 0) as listening:
        near: int = listening.sockets[0].getsockname()[1]
        wire.url = f"http://127.0.0.1:{near}"
        try:
            yield wire
        finally:
            for task in list(ends):
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
