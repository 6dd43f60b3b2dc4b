"""The system under attack: service and worker as real processes that are killed and started again.

The gateway and the bank (the sandbox) live in the test's own process, so they outlive every kill,
as a real gateway does: what they charged and what they saw acknowledged is the truth that the
books are judged by. PostgreSQL is durable and of the test's own, so it can be killed as well.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState, Timing
from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.wiring import parts_of
from core.settings import Settings
from payments.bills.static_references import static_reference
from tests.crash.nursery import Child, Nursery
from tests.support.gateway_setups import enrol
from tests.support.hurried import ARMED as _ARMED
from tests.support.system_builder import build_system

#: A gateway that calls again soon and for long: restarts take a second here, not minutes.
TIMING = Timing(schedule=(0.2,) * 5 + (0.5,) * 100, late=0.7)
#: The poster of the tests: a static fee and its amount in đồng.
POSTER_FEE, POSTER_AMOUNT = "chung-thuc-chu-ky", 10_000
_TEMPLATE = "crash_template"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What the tests of one pytest worker share: a durable server, a seeded template, a nursery."""

    server: EmbeddedDatabase
    #: holds the keys that the template's credentials are encrypted with
    folder: Path
    nursery: Nursery
    api_key: str
    #: may read what waits in suspense
    office_key: str
    agency: str
    poster: str

    def database(self) -> str:
        """The name of a new copy of the template; it goes when the server is removed."""
        # A test that ended between killing the server and starting it again left it down.
        self.server.start()
        name = f"crash_{uuid.uuid4().hex}"
        with self.server.connect() as connection:
            # By its files: copied the other way, counters go back when the server is killed before
            # its next checkpoint, and PostgreSQL is not what is on trial here.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        return name


async def prepare(server: EmbeddedDatabase, folder: Path, nursery: Nursery) -> Ground:
    """Migrate and seed the template database."""
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    url = server.url(_TEMPLATE)
    upgrade(url)
    settings = Settings(mode="test", database_url=url, data_dir=folder, log_level="error")
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        # Every system has a sandbox of its own; its gateways are found when there is one.
        seeded = await build_system(session, parts.cipher)
        poster = await static_reference(session, seeded.body.agency_id, POSTER_FEE)
    keys = seeded.api_key, seeded.office_key
    return Ground(server, folder, nursery, *keys, seeded.body.agency_code, poster)


@dataclass(slots=True)
class CrashSystem:
    """A system whose processes are started again whenever they die."""

    ground: Ground
    #: the name of its database on the ground's server
    database: str
    base_url: str
    data_dir: Path
    sandbox: SandboxState
    environment: dict[str, str]
    #: no API key is sent unless given
    client: httpx2.AsyncClient
    children: dict[str, Child] = field(default_factory=dict)
    #: everything that has ended, with how it ended
    dead: list[Child] = field(default_factory=list)
    #: more than this is no bad luck any more
    most_deaths: int = 60
    #: what is armed after the next death, the death after that …
    _coming: list[str] = field(default_factory=list)
    _variant: str | None = None

    async def open(self, *failpoints: str, variant: str | None = None) -> None:
        """Start service and worker, broken as told, and wait until they answer.

        The first failpoint is armed from the start, after each death the next.
        """
        self._variant = variant
        now, *self._coming = failpoints or ("",)
        for name in ("serve", "worker"):
            self._start(name, now)
        await self.until_ready()

    def arm(self, *failpoints: str) -> None:
        """Arm the first here and now; after each death the next, and after the last nothing."""
        now, *self._coming = failpoints or ("",)
        file = Path(self.environment[_ARMED])
        fresh = file.with_suffix(".new")
        fresh.write_text(now)
        fresh.replace(file)  # never seen half written

    async def until_ready(self) -> None:
        """Wait until the service answers and nothing is dead."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(httpx2.TransportError):
                answer = await self.client.get("/health/ready")
                if answer.status_code == 200:
                    return
            if time.monotonic() > deadline:
                raise AssertionError(f"the service does not answer:\n{self.tail('serve')}")
            await asyncio.sleep(0.03)

    async def keep(self) -> None:
        """Start again whatever dies, for ever: what systemd or the demo's supervisor does."""
        while True:
            for name, child in self.children.items():
                if child.ended:
                    child.bury()
                    self.dead.append(child)
                    if len(self.dead) > self.most_deaths:
                        raise AssertionError(f"{name} keeps ending:\n{self.tail(name)}")
                    self.arm(*self._coming)
                    self._start(name)
            await asyncio.sleep(0.03)

    async def until_dead(self, name: str) -> None:
        """Wait until a process of this name has died once (and the keeper has seen it)."""
        deadline = time.monotonic() + _START_SECONDS
        while not [child for child in self.dead if child.name == name]:
            assert time.monotonic() < deadline, f"{name} did not die"
            await asyncio.sleep(0.03)

    def assert_killed(self, *names: str) -> None:
        """These have died, in this order and by SIGKILL, and nothing else has."""
        assert [(child.name, child.status) for child in self.dead] == [
            (name, -signal.SIGKILL) for name in names
        ]

    def kill(self, name: str) -> None:
        """SIGKILL `serve` or `worker`."""
        self.children[name].send(signal.SIGKILL)

    async def kill_database(self) -> None:
        """SIGKILL the postmaster, and start the server again as a supervisor would."""
        server = self.ground.server
        if server.pid is not None:
            os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)

    def tail(self, name: str, characters: int = 3000) -> str:
        """The end of a process's log."""
        log = self.data_dir / f"{name}.log"
        return log.read_text("utf-8", "replace")[-characters:] if log.exists() else "(no log)"

    def _start(self, name: str, failpoints: str = "") -> None:
        environment = self.environment | {"LEPHI_FAILPOINTS": failpoints}
        log = self.data_dir / f"{name}.log"
        arguments = [name, "--with-parent", str(self.ground.nursery.pid)]
        self.children[name] = self.ground.nursery.start(
            name, arguments, environment, log, self._variant
        )

    def close(self) -> None:
        """End everything at once: nothing that was promised may depend on a clean end."""
        for child in self.children.values():
            child.send(signal.SIGKILL)
            child.bury()


@contextlib.asynccontextmanager
async def crash_system(ground: Ground, data_dir: Path) -> AsyncIterator[CrashSystem]:
    """A system on a database of its own; nothing runs before `open`, nothing after the block."""
    shutil.copytree(ground.folder, data_dir)
    state = SandboxState(seed=1, timing=TIMING)
    name = ground.database()
    with _reserved_port() as port:
        base_url = f"http://127.0.0.1:{port}"
        enrol(state, base_url)
        async with (
            running(state) as sandbox_url,
            httpx2.AsyncClient(base_url=base_url, timeout=20) as client,
        ):
            with ground.server.connect(name) as connection:
                connection.execute(
                    "UPDATE gateway_account SET base_url = %s || '/' || gateway", [sandbox_url]
                )
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": os.environ["HOME"],
                "LEPHI_MODE": "test",
                "LEPHI_DATABASE_URL": ground.server.url(name),
                "LEPHI_DATA_DIR": str(data_dir),
                "LEPHI_PORT": str(port),
                "LEPHI_BASE_URL": base_url,
                "LEPHI_LOG_LEVEL": "warning",
                _ARMED: str(data_dir / "armed"),
            }
            system = CrashSystem(ground, name, base_url, data_dir, state, environment, client)
            try:
                yield system
            finally:
                system.close()


@contextlib.asynccontextmanager
async def kept(system: CrashSystem) -> AsyncIterator[None]:
    """Keep the system's processes alive during the block; a keeper that gives up ends it."""
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(system.keep())
        yield
        keeper.cancel()


@contextlib.contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that nobody else is given while the service that listens on it is away."""
    with socket.socket() as held:
        # The service may bind it too, since both allow it and only one of them listens.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port
