"""A web server inside somebody else's event loop, up and down without waiting for a clock."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import uvicorn

#: answers that never come must not hold a shutdown for long
GRACE_SECONDS: Final = 1.0
#: turns of the event loop after which whoever was accepted last is among the connections
_ACCEPTING: Final = 3


@contextlib.contextmanager
def bound(host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    """A socket to serve on; port 0 is any that is free.

    It says that it is TCP. Of one that does not, the event loop holds back the second part of an
    answer until the first is acknowledged: 40 ms for each request on a connection that is kept.
    """
    with socket.socket(proto=socket.IPPROTO_TCP) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        yield made


@contextlib.asynccontextmanager
async def served(
    app: Any, listening: socket.socket, http: type[asyncio.Protocol] | None = None
) -> AsyncIterator[None]:
    """Serve an ASGI application on a bound socket during the block; signals are left alone.

    `http` takes the place of the server's own way of speaking to a client.

    `uvicorn.Server.serve` looks every tenth of a second whether it should end, and waits another
    when it does. Its parts are used here without that: a test has two such servers, and there are
    a thousand tests. Raises RuntimeError where the application does not start.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=http or "auto",
            log_level="critical",
            access_log=False,
            ws="none",
            lifespan="on",
        )
    )
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listening])
    if not server.started:
        raise RuntimeError("the application did not start")
    await server.on_tick(0)  # the headers that every answer bears
    try:
        yield
    finally:
        await _end(server)


async def _end(server: uvicorn.Server) -> None:
    """Take no more, let running answers end, cancel those that do not; no connection stays."""
    state = server.server_state
    for listener in server.servers:
        listener.close()
    for _ in range(_ACCEPTING):
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            while state.connections or state.tasks:
                for connection in list(state.connections):
                    connection.shutdown()
                await asyncio.sleep(0.002)  # uvicorn has no event for it
    except TimeoutError:
        for task in list(state.tasks):
            task.cancel()
        for connection in list(state.connections):
            connection.transport.abort()
    await server.lifespan.shutdown()
    await asyncio.sleep(0)  # what was cut off is closed in the loop's next turn
