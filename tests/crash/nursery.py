"""The tests' end of `tests.support.forks`: real processes, started quickly and never forgotten."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.forks import Order

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Child:
    """A process of the product. `status` is known once it is buried: negative is the signal."""

    name: str
    pid: int
    log: Path
    nursery: "Nursery"
    _held: int
    status: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the process has ended; its number is not given to another before `bury`."""
        if self.status is not None:
            return True
        watched = select.poll()
        watched.register(self._held, select.POLLIN)
        return bool(watched.poll(0))

    def send(self, sent: signal.Signals) -> None:
        """Signal this very process, if it has not ended."""
        with suppress(ProcessLookupError):
            if self.status is None:
                signal.pidfd_send_signal(self._held, sent)

    def bury(self) -> int:
        """Wait for the end of the process; how it ended."""
        if self.status is None:
            self.status = int(self.nursery.ask({"do": "bury", "pid": self.pid})["status"])
            os.close(self._held)
        return self.status


class Nursery:
    """Starts processes of the product for as long as it is open, and ends them all after."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forks", str(os.getpid())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    @property
    def pid(self) -> int:
        """The parent of every process that is started here."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def start(
        self,
        name: str,
        arguments: list[str],
        environment: dict[str, str],
        log: Path,
        variant: str | None = None,
    ) -> Child:
        """Start `lephi` with these arguments and nothing but this environment."""
        order = Order(arguments, environment, str(log), variant)
        pid = self.ask({"do": "start", "order": asdict(order)})["pid"]
        return Child(name, pid, log, self, os.pidfd_open(pid))

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send one order and wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery has ended: see what it wrote to standard error")
        answer: dict[str, Any] = json.loads(line)
        return answer
