"""Runs the sandbox on a port of its own: as a process of its own, or inside a test's loop."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path

import uvicorn

from adapters.sandbox.engine.app import create_app
from adapters.sandbox.engine.embedded import GRACE_SECONDS, bound, served
from adapters.sandbox.engine.state import SandboxState, Timing
from adapters.sandbox.engine.store import Store, journal_to


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    sock: socket.socket | None = None,
    public_url: str | None = None,
    seed: int | None = None,
    timing: Timing | None = None,
    journal: Path | None = None,
    accounts: Iterable[tuple[str, Mapping[str, str], str]] = (),
    say: Callable[[str], None] = lambda url: None,
) -> None:
    """Run until SIGINT or SIGTERM. `sock` is an already bound socket and replaces host and port;
    `journal` is a file that every charge and credit is appended to; `accounts` are dialect,
    credentials and callback address of each account that is open from the start; `say` is told the
    address."""
    store = Store(journal=journal_to(journal)) if journal is not None else Store()
    with _bound(host, port, sock) as listening:
        url = public_url or _url(listening)
        state = SandboxState(base_url=url, seed=seed, timing=timing, store=store)
        for dialect, credentials, callback_url in accounts:
            state.open(dialect, credentials, callback_url)
        say(url)
        uvicorn.Server(_config(state)).run(sockets=[listening])


@contextlib.asynccontextmanager
async def running(
    state: SandboxState, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Run over `state` inside the present event loop; gives the address, which it also writes
    into `state.base_url`."""
    with _bound(host, port, None) as listening:
        state.base_url = _url(listening)
        async with served(create_app(state), listening):
            yield state.base_url


def _config(state: SandboxState) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(state),
        log_level="critical",
        access_log=False,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=int(GRACE_SECONDS),
    )


@contextlib.contextmanager
def _bound(host: str, port: int, given: socket.socket | None) -> Iterator[socket.socket]:
    if given is not None:
        yield given
        return
    with bound(host, port) as made:
        yield made


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"
