"""What an attack costs everybody else: `python -m bench.attack [--short] [NAME …]`, or make attack.

A service of its own on a database of its own, on this machine only, is attacked in one way after
the other, for seconds. Meanwhile a few citizens look at a bill's page and a portal opens bills, one
after the other; how long they wait, how many are turned away, and how much memory the service takes
are compared with a quiet moment just before. Bounded in time and in count, whatever happens.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from bench.attacks import ATTACKS, Attack, Target, ask, bill_request, sow
from bench.bills import free_port, service
from bench.memory import Peak, peak_of
from bench.server import durable_server, server_on_small_disk
from bench.small_disk import MountRefused, SmallDisk, in_own_mounts
from core.settings import Settings

CITIZENS: Final = 4
#: How long each attack lasts.
SECONDS, SHORT_SECONDS = 15.0, 3.0
#: Room for the database that is to run out of it.
_DISK_MIB: Final = 700


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What one attack did to everybody else; memory in MiB, of serve and of it with its helpers."""

    attack: str
    counts: tuple[int, ...]
    before: Felt
    during: Felt
    memory_before: Peak
    memory_during: Peak
    ready_ms: float


async def carry_out(
    target: Target, attack: Attack, counts: tuple[int, ...], seconds: float
) -> Finding:
    """A quiet moment, then the attack."""
    with peak_of(target.pid) as quiet:
        before = await live(target, min(seconds, 3.0))
    with peak_of(target.pid) as busy:
        async with attack.begin(target, counts):
            began = time.perf_counter()
            await ask(target.port, READY)
            ready = (time.perf_counter() - began) * 1000
            during = await live(target, seconds)
    await asyncio.sleep(0.1)  # what was closed ends
    return Finding(attack.name, counts, before, during, quiet, busy, ready)


def run(names: list[str], *, short: bool) -> Iterator[Finding]:
    """Every attack whose name holds one of these words, all without any, each when it is over.

    Where nothing may be mounted, those that need a disk of their own raise `MountRefused`.
    """
    wanted = [one for one in ATTACKS if not names or any(name in one.name for name in names)]
    for small in (False, True):
        attacks = [one for one in wanted if one.small_disk is small]
        if attacks:
            yield from _on_one_server(attacks, short=short, small=small)


@contextmanager
def _server(*, small: bool) -> Iterator[tuple[EmbeddedDatabase, Path, SmallDisk | None]]:
    """A database server, a folder for what else is needed, and the disk where it is a small one."""
    if not small:
        with durable_server() as (database, folder):
            yield database, folder, None
        return
    with tempfile.TemporaryDirectory(prefix="lephi-attack-") as made:
        folder = Path(made)
        with server_on_small_disk(folder / "database", _DISK_MIB) as (database, disk):
            yield database, folder, disk


def _on_one_server(attacks: list[Attack], *, short: bool, small: bool) -> Iterator[Finding]:
    """Each attack finds a service of its own; in short, one that those before have attacked.

    To start one takes longer than a short attack.
    """
    seconds = SHORT_SECONDS if short else SECONDS
    asked = [(one, counts) for one in attacks for counts in ((one.short,) if short else one.counts)]
    with _server(small=small) as (database, folder, disk):
        upgrade(database.url())
        seeds = None
        for together in [asked] if short else [[one] for one in asked]:
            settings = Settings(
                mode="demo",
                database_url=database.url(),
                data_dir=folder,
                port=free_port(),
                log_level="error",
            )
            seeds = seeds or asyncio.run(sow(settings))
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            # As a service manager starts it.
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
            with service(settings, quiet=True) as pid:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                target = Target(settings.port, pid, seeds, database, disk)
                for attack, counts in together:
                    yield asyncio.run(carry_out(target, attack, counts, seconds))


def table(findings: Iterable[Finding]) -> Table:
    """One line for each attack."""
    shown = Table(
        *("attack", "at once", "p99 before", "p99 during", "median", "answers"),
        *("MiB of serve", "with helpers", "ready"),
    )
    for one in findings:
        was, became = one.memory_before, one.memory_during
        shown.add_row(
            one.attack,
            ", ".join(f"{count:,}" for count in one.counts),
            f"{one.before.p99():.0f} ms",
            f"{one.during.p99():.0f} ms",
            f"{one.during.median():.0f} ms",
            one.during.tally(),
            f"{was.own} → {became.own}",
            f"{was.together} → {became.together}",
            f"{one.ready_ms:.0f} ms",
        )
    return shown


def main() -> None:
    """Attack, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only attacks with this word")
    parser.add_argument("--short", action="store_true", help="a few seconds of each")
    arguments = parser.parse_args()
    in_own_mounts()
    console = Console(width=170)
    findings: list[Finding] = []
    try:
        with console.status("attacking …"):
            findings.extend(run(arguments.names, short=arguments.short))
    except MountRefused as refused:
        console.print(f"without a full disk, for nothing can be mounted here: {refused}")
    console.print(table(findings))


if __name__ == "__main__":
    main()
