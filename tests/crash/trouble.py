"""What happens to a service while people use it: kills, cut sockets, a full disk, wrong clocks."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from app.embedded.supervisor import EmbeddedDatabase
from bench.server import server_on_small_disk
from bench.small_disk import MountRefused, SmallDisk
from tests.crash.harness import CrashSystem, Ground, prepare
from tests.crash.nursery import Nursery
from tests.support.cutting import CuttingWire
from tests.support.moved_clock import move_clock

_LONGEST_JUMP = 86_400.0
_CUTS = 5
_MOST_CUTS = 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard it is: seconds between two troubles, and that one lasts, at least and at most; MiB
    of the disk; people at once, and how long they rest between tries at most; whether the service's
    own waits are shortened."""

    pauses: tuple[float, float]
    lasting: tuple[float, float]
    disk: int
    citizens: int
    longest_rest: float
    hurried: bool


@dataclass(slots=True)
class Trouble:
    """All that is done to one system; `done` counts it. `disk` None: nothing may be mounted here,
    and the database says of itself that its disk is full."""

    system: CrashSystem
    wire: CuttingWire
    clock: Path
    disk: SmallDisk | None
    rng: random.Random
    pace: Pace
    done: Counter[str] = field(default_factory=Counter)
    #: everything has happened once
    complete: bool = False

    async def go_on(self, over: asyncio.Event) -> None:
        """One thing after the other, everything at least once, until it is over."""
        kinds = {
            "serve killed": self._kill_serve,
            "worker killed": self._kill_worker,
            "database killed": self.system.kill_database,
            "sockets cut": self._cut,
            "disk full": self._fill,
            "clock forward": self._forward,
            "clock back": self._back,
        }
        coming = self.rng.sample(list(kinds), len(kinds))
        while coming or not over.is_set():
            kind = coming.pop() if coming else self.rng.choice(list(kinds))
            await asyncio.sleep(self.rng.uniform(*self.pace.pauses))
            await kinds[kind]()
            self.done[kind] += 1
            self.complete = not coming

    async def _kill_serve(self) -> None:
        self.system.kill("serve")

    async def _kill_worker(self) -> None:
        self.system.kill("worker")

    async def _cut(self) -> None:
        """Five times, and until somebody was connected: after a kill nobody is for a while."""
        before, tries = self.wire.cuts, 0
        while tries < _CUTS or (self.wire.cuts == before and tries < _MOST_CUTS):
            self.wire.cut()
            tries += 1
            await asyncio.sleep(self.rng.uniform(0.0, 0.3))

    async def _forward(self) -> None:
        await self._jump(_LONGEST_JUMP)

    async def _back(self) -> None:
        await self._jump(-_LONGEST_JUMP)

    async def _jump(self, seconds: float) -> None:
        move_clock(self.clock, timedelta(seconds=seconds))
        try:
            await asyncio.sleep(self.rng.uniform(*self.pace.lasting))
        finally:
            move_clock(self.clock, timedelta())

    async def _fill(self) -> None:
        filled = self._filled_disk() if self.disk is not None else self._said_to_be_full()
        async with filled:
            await asyncio.sleep(self.rng.uniform(*self.pace.lasting))

    @contextlib.asynccontextmanager
    async def _filled_disk(self) -> AsyncIterator[None]:
        server = self.system.ground.server
        if self.disk is None:
            raise MountRefused("no disk to fill")
        try:
            await asyncio.to_thread(self.disk.fill)
            yield
        finally:
            self.disk.empty()
            if server.pid is None:  # it gave up, and its supervisor starts it again
                await asyncio.to_thread(server.stop)
                await asyncio.to_thread(server.start)

    @contextlib.asynccontextmanager
    async def _said_to_be_full(self) -> AsyncIterator[None]:
        """Every new row of what is written most is refused as a full disk would."""
        server, name = self.system.ground.server, self.system.database
        tables = ("bill", "payment", "receipt", "callback", "idempotency_key")
        with server.connect(name) as connection:
            connection.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"
            )
            for table in tables:
                connection.execute(
                    f"CREATE TRIGGER full_disk BEFORE INSERT ON {table}"
                    " EXECUTE FUNCTION full_disk()"
                )
        try:
            yield
        finally:
            with server.connect(name) as connection:
                for table in tables:  # one lock at a time: the service goes on meanwhile
                    connection.execute(f"DROP TRIGGER full_disk ON {table}")
                connection.execute("DROP FUNCTION full_disk()")


@contextmanager
def small_ground(folder: Path, mib: int) -> Iterator[tuple[Ground, SmallDisk | None]]:
    """A ground whose server has a small disk of its own, where we may mount one."""
    with ExitStack() as stack:
        disk = None
        try:
            small = server_on_small_disk(folder / "database", mib)
            server, disk = stack.enter_context(small)
        except MountRefused:
            server = EmbeddedDatabase(folder / "database")
            stack.callback(server.remove)
            server.start()
        nursery = stack.enter_context(Nursery())
        yield asyncio.run(prepare(server, folder / "template", nursery)), disk
