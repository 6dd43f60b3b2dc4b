"""What the crash tests share inside one pytest worker, and a system of its own for each of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.embedded.supervisor import EmbeddedDatabase
from tests.crash.harness import CrashSystem, Ground, crash_system, prepare
from tests.crash.nursery import Nursery


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A durable PostgreSQL that may be killed, a seeded template, a nursery of processes."""
    folder = tmp_path_factory.mktemp("crash")
    server = EmbeddedDatabase(folder / "database")
    try:
        with Nursery() as nursery:
            server.start()
            yield asyncio.run(prepare(server, folder / "template", nursery))
    finally:
        if server.pid is not None:  # nobody needs these data again: no clean end, no checkpoint
            os.kill(server.pid, signal.SIGQUIT)
        server.remove()


@pytest.fixture
async def system(ground: Ground, tmp_path: Path) -> AsyncIterator[CrashSystem]:
    """A system on a database of its own, not yet opened."""
    async with crash_system(ground, tmp_path / "data") as made:
        yield made
