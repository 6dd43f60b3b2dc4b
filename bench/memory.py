"""How much memory a service and the processes it has begun hold while something goes on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAUSE: Final = 0.1
_KIB_OF_MIB: Final = 1024


@dataclass(slots=True)
class Peak:
    """The most that was seen, in MiB: of the service itself, and of it with all that it began."""

    own: int = 0
    together: int = 0


@contextmanager
def peak_of(pid: int) -> Iterator[Peak]:
    """Watch a process and its children until the block ends."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(_PAUSE):
            sizes = [_resident(one) for one in _family(pid)]
            peak.own = max(peak.own, sizes[0] // _KIB_OF_MIB)
            peak.together = max(peak.together, sum(sizes) // _KIB_OF_MIB)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()


def own_peak_mib() -> float:
    """The most that this process has held since its program began, in MiB.

    Not `ru_maxrss`: a child is born with that of its parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / _KIB_OF_MIB
    raise RuntimeError("this kernel does not tell what a process has held")


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident(pid: int) -> int:
    """KiB of a process; none of one that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
