"""Record a history of so many calls while everything goes wrong, and have it judged.

`python -m tests.crash.histories [--calls N] [--seed N] [--out FILE]`, or make histories. Whoever
judges (`tests.histories`) imports nothing of ours. Exit code 1 where it found a fault.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.seed.agency import DEMO_ACCOUNT
from bench.small_disk import SmallDisk, in_own_mounts
from tests.crash.harness import CrashSystem, Ground, crash_system, kept
from tests.crash.trouble import Pace, Trouble, small_ground
from tests.histories.citizens import Citizens, Place
from tests.histories.judge import Fault, figures, judge
from tests.histories.record import Call, History, read_history
from tests.support.broken import VARIANTS
from tests.support.cutting import CuttingWire, cutting_wire
from tests.support.gateway_setups import FEED_SECRET, PAYGOV, SEPAY, enrol
from tests.support.hurried import UNHURRIED
from tests.support.moved_clock import VARIABLE, move_clock

_SHORT = 1000
_CUT = "connections cut"
_PACE = Pace((1.0, 4.0), (1.0, 3.0), disk=600, citizens=40, longest_rest=2.0, hurried=False)
_SHORT_PACE = Pace((0.1, 0.4), (0.5, 1.0), disk=300, citizens=10, longest_rest=0.5, hurried=True)
_MOST_DEATHS = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one: the calls, what was done to the service, and what is wrong."""

    calls: Sequence[Call]
    trouble: dict[str, int]
    disk: str
    seconds: float
    faults: Sequence[Fault]

    def figures(self) -> dict[str, Any]:
        """For a person, and for the page about security."""
        return figures(self.calls) | {
            "trouble": self.trouble,
            "disk": self.disk,
            "seconds": round(self.seconds),
            "faults": [f"{fault.kind}: {fault.what}" for fault in self.faults],
        }


def record(folder: Path, calls: int, seed: int, out: Path, variant: str | None = None) -> Run:
    """One history, in a folder that is there and empty; `variant` breaks the service."""
    pace = _SHORT_PACE if calls < _SHORT else _PACE
    with small_ground(folder, pace.disk) as (ground, disk):
        began = time.monotonic()
        trouble = asyncio.run(_record(ground, disk, pace, folder, calls, seed, out, variant))
        took = time.monotonic() - began
    with out.open(encoding="utf-8") as lines:
        seen = read_history(lines)
    kind = "a mounted one" if disk is not None else "said to be full by the database"
    return Run(seen, trouble, kind, took, judge(seen))


async def _record(
    ground: Ground,
    disk: SmallDisk | None,
    pace: Pace,
    folder: Path,
    calls: int,
    seed: int,
    out: Path,
    variant: str | None,
) -> dict[str, int]:
    history = History(out)
    rng = random.Random(seed)
    clock = folder / "clock"
    move_clock(clock, timedelta())
    async with crash_system(ground, folder / "data") as system:
        system.environment[VARIABLE] = str(clock)
        if not pace.hurried:
            system.environment[UNHURRIED] = "1"
        system.most_deaths = _MOST_DEATHS
        port = int(system.environment["LEPHI_PORT"])
        async with cutting_wire(port) as wire:
            enrol(system.sandbox, wire.url)
            citizens = Citizens(_place(ground, wire), history, seed, pace.longest_rest)
            trouble = Trouble(system, wire, clock, disk, rng, pace)
            await system.open(variant=variant)
            async with kept(system):
                await _through(system, citizens, trouble, calls)
    history.close()
    return dict(sorted(trouble.done.items())) | {_CUT: wire.cuts}


async def _through(system: CrashSystem, citizens: Citizens, trouble: Trouble, calls: int) -> None:
    """Let people live through it, and look at everything when it is over."""
    over = asyncio.Event()
    history = citizens.history
    async with asyncio.TaskGroup() as group:
        troubling = group.create_task(trouble.go_on(over))
        await citizens.live(
            trouble.pace.citizens, lambda: history.calls >= calls and trouble.complete
        )
        over.set()
        await troubling
    await citizens.look()


def _place(ground: Ground, wire: CuttingWire) -> Place:
    return Place(
        wire.url,
        ground.api_key,
        ground.office_key,
        ground.agency,
        PAYGOV.name,
        (DEMO_ACCOUNT, FEED_SECRET),
        SEPAY.callback_path,
    )


def main() -> int:
    """Record, judge, print; 1 where there are faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.histories", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, metavar="N", help="about so many")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="repeat its choices")
    parser.add_argument("--out", type=Path, default=None, metavar="FILE", help="keep the history")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep what the service logged")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="break the service like this")
    given = parser.parse_args()
    in_own_mounts()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory(prefix="lephi-history-") as made:
        folder = Path(made)
        run = record(folder, given.calls, seed, folder / "history.jsonl", given.variant)
        if given.logs is not None:
            given.logs.mkdir(parents=True, exist_ok=True)
            for log in (folder / "data").glob("*.log"):
                shutil.copy(log, given.logs)
        if given.out is not None:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "history.jsonl", given.out)
    told = {"seed": seed} | run.figures()
    sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())
