"""The demonstration: one supervisor that owns a database, a service, a worker and a sandbox.

It makes keys, an agency, people and a payable bill the first time, starts the processes, tells
where everything is, and starts again what dies. Everything listens on 127.0.0.1 only, and ends
with the supervisor, however that ends.
"""

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2
from rich.console import Console

from app.demo_seed import DemoSeed, credentials_of, seed_demo
from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.seed.agency import DEMO_HOLDER
from app.wiring import parts_of
from core.crypto import write_private
from core.errors import LephiError
from core.settings import DEMO_MARKER, Settings

_START_SECONDS = 60.0


class DemoFailed(LephiError):
    """A part of the demo did not start: its log says why."""

    code = "demo_failed"


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    health: str | None
    process: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)


class Demo:
    """One demonstration in one data folder."""

    def __init__(self, data_dir: Path, port: int, ready_file: Path | None) -> None:
        self._data_dir = data_dir
        self._port = port or _free_port()
        self._sandbox_port = _free_port()
        self._ready_file = ready_file
        self._stopping = False
        #: whether the ready file is ours: another demo on the same folder may have written it
        self._has_told = False
        self._database = EmbeddedDatabase(data_dir / "database")
        self._children: list[_Child] = []
        self._say = Console(highlight=False, soft_wrap=True)

    def run(self) -> None:
        """Set up, start, tell, and watch until told to stop."""
        for told in (signal.SIGINT, signal.SIGTERM):
            signal.signal(told, self._stop)
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._data_dir / "keys" / DEMO_MARKER, b"keys of a demonstration\n")
        try:
            with self._say.status("Starting PostgreSQL …"):
                self._database.start()
            if self._ready_file is not None:
                # What a killed supervisor left behind tells of processes that are gone.
                self._ready_file.unlink(missing_ok=True)
            with self._say.status("Bringing the schema up to date …"):
                upgrade(self._database.url())
            with self._say.status("Seeding real procedures …"):
                seeded = asyncio.run(self._seed())
            with self._say.status("Starting service, worker and sandbox …"):
                self._start_children()
            if not self._stopping:
                self._open_sandbox_accounts(seeded)
                self._tell(seeded)
                self._watch(seeded)
        finally:
            self._end()

    @property
    def base_url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox answers."""
        return f"http://127.0.0.1:{self._sandbox_port}"

    def _settings(self) -> Settings:
        return Settings(
            mode="demo",
            database_url=self._database.url(),
            data_dir=self._data_dir,
            host="127.0.0.1",
            port=self._port,
            base_url=self.base_url,
            sandbox_url=self.sandbox_url,
            log_level="warning",
        )

    async def _seed(self) -> DemoSeed:
        async with parts_of(self._settings()) as parts:
            return await seed_demo(parts, self._kept_at, self.sandbox_url)

    def _start_children(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LEPHI_")}
        environment |= {
            "LEPHI_MODE": "demo",
            "LEPHI_DATABASE_URL": self._database.url(),
            "LEPHI_DATA_DIR": str(self._data_dir),
            "LEPHI_PORT": str(self._port),
            "LEPHI_BASE_URL": self.base_url,
            "LEPHI_SANDBOX_URL": self.sandbox_url,
            "LEPHI_LOG_LEVEL": "info",
        }
        self._write_environment(environment)
        if "LEPHI_FAILPOINTS" in os.environ:
            environment["LEPHI_FAILPOINTS"] = os.environ["LEPHI_FAILPOINTS"]
        lephi = [sys.executable, "-c", "from app.cli.main import main; main()"]
        bound = ["--with-parent", str(os.getpid())]
        sandbox = [*lephi, "sandbox", *bound, "--port", str(self._sandbox_port)]
        sandbox += ["--journal", str(self._data_dir / "sandbox.jsonl")]
        for name, command, health in (
            ("sandbox", sandbox, f"{self.sandbox_url}/sandbox/health"),
            ("serve", [*lephi, "serve", *bound], f"{self.base_url}/health/ready"),
            ("worker", [*lephi, "worker", *bound], None),
        ):
            log = self._data_dir / f"{name}.log"
            child = _Child(name, command, environment, log, health)
            self._children.append(child)
            self._spawn(child)
        for child in self._children:
            self._wait_for(child)

    def _spawn(self, child: _Child) -> None:
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(
                child.command,
                env=child.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the whole terminal group; the supervisor ends the others in order.
                start_new_session=True,
            )
        child.started = [*child.started[-9:], time.monotonic()]

    def _wait_for(self, child: _Child) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while child.health is not None and not self._stopping:
            if child.process is None or child.process.poll() is not None:
                tail = child.log.read_text("utf-8", "replace")[-1500:]
                raise DemoFailed(f"{child.name} did not start:\n{tail}")
            if _answers(child):
                return
            if time.monotonic() > deadline:
                raise DemoFailed(f"{child.name} does not answer; see {child.log}")
            time.sleep(0.05)

    def _open_sandbox_accounts(self, seeded: DemoSeed) -> None:
        """The sandbox keeps its accounts in memory, so they are opened at every start."""
        for name, values in seeded.gateways.items():
            body = {
                "dialect": name,
                "credentials": credentials_of(values),
                "callback_url": self.base_url + values["callback_path"],
                "holder": DEMO_HOLDER,
            }
            url = f"{self.sandbox_url}/sandbox/accounts"
            httpx2.post(url, json=body, timeout=10.0).raise_for_status()

    def _ready(self, seeded: DemoSeed) -> dict[str, Any]:
        pids = {c.name: c.process.pid for c in self._children if c.process is not None}
        return {
            "base_url": self.base_url,
            "api_key": seeded.api_key,
            "agency": seeded.agency,
            "staff": seeded.staff,
            "pay_url": seeded.pay_url,
            "counter_url": None,
            "staff_url": f"{self.base_url}/staff",
            "sandbox_url": self.sandbox_url,
            "gateways": seeded.gateways,
            "bank_url": f"{self.sandbox_url}/bank",
            "vendor_url": seeded.vendor_url,
            "collect_url": f"{self.base_url}/collect",
            "pids": {"demo": os.getpid(), "database": self._database.pid, **pids},
        }

    def _tell(self, seeded: DemoSeed) -> None:
        self._write_ready(seeded)
        say = self._say.print
        say("\n[bold]Lệ Phí is running[/bold] (a demonstration: no real money anywhere)\n")
        say(f"  A bill to pay         {seeded.pay_url}")
        say(f"  A poster at a counter {self.base_url}/p/{seeded.agency}/2.000884")
        say(f"  A stall of a market   {seeded.vendor_url}")
        say(f"  A collector's walk    {self.base_url}/collect")
        say(f"  The finance office    {self.base_url}/staff")
        say(f"  Who signs in there    {self._kept_at}: e-mail, password, key for an app of codes")
        say(f"  API reference         {self.base_url}/docs")
        say(f"  Play the bank         {self.sandbox_url}/bank")
        say(f"  API key               {seeded.api_key}")
        say("\nTo try commands on it, in another terminal:")
        say(f"  . {self._environment_file} && {Path(sys.executable).with_name('lephi')} doctor")
        say("\nCtrl-C ends everything.\n")

    def _write_environment(self, environment: dict[str, str]) -> None:
        """Keep the settings where a shell can read them, so that commands can be tried on it."""
        lines = [
            f"export {name}={shlex.quote(value)}\n"
            for name, value in environment.items()
            if name.startswith("LEPHI_")
        ]
        self._environment_file.unlink(missing_ok=True)
        write_private(self._environment_file, "".join(lines).encode())

    @property
    def _kept_at(self) -> Path:
        return self._data_dir / "demo.json"

    @property
    def _environment_file(self) -> Path:
        return self._data_dir / "demo.env"

    def _write_ready(self, seeded: DemoSeed) -> None:
        if self._ready_file is None:
            return
        draft = self._ready_file.with_name(self._ready_file.name + ".new")
        draft.unlink(missing_ok=True)
        content = json.dumps(self._ready(seeded), ensure_ascii=False, indent=2)
        write_private(draft, content.encode())
        draft.replace(self._ready_file)
        self._has_told = True

    def _watch(self, seeded: DemoSeed) -> None:
        """Start again what dies, unless it dies at once, again and again.

        Nothing here waits for one child: the next to die may be what the first one needs.
        """
        told = accounts = True
        while not self._stopping:
            if self._database.pid is None:
                self._say.print("The database ended; starting it again.")
                self._database.stop()
                self._database.start()
                told = False
            for child in self._children:
                if child.process is not None and child.process.poll() is None:
                    continue
                if len(child.started) >= 10 and time.monotonic() - child.started[0] < 60:
                    raise DemoFailed(f"{child.name} keeps ending; see {child.log}")
                self._say.print(f"{child.name} ended; starting it again.")
                self._spawn(child)
                told, accounts = False, accounts and child.name != "sandbox"
            if not told and all(_answers(child) for child in self._children):
                with suppress(httpx2.TransportError):  # dead again: all of this will be repeated
                    if not accounts:
                        self._open_sandbox_accounts(seeded)
                    self._write_ready(seeded)
                    told = accounts = True
            time.sleep(0.2)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        for child in reversed(self._children):
            if child.process is not None:
                try:
                    child.process.wait(35)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()
        self._database.stop()
        if self._has_told and self._ready_file is not None:
            self._ready_file.unlink(missing_ok=True)


def _answers(child: _Child) -> bool:
    """Whether a child is up, as far as it can be asked."""
    if child.health is None:
        return True
    try:
        return httpx2.get(child.health, timeout=2.0).status_code == 200
    except httpx2.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
