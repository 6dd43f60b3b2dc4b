"""Runs a command and fails if it leaves a process behind, whichever user that runs as.

The kernel hands every orphan among our descendants to us, so none can hide by a new session or
another user. Usage: without_orphans.py COMMAND [ARGUMENT…]; the exit status is the command's, or 1
where something is left, which is then named and ended.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
#: What is ending already may take this long, in seconds.
_GRACE = 10.0


def descendants(pid: int) -> list[int]:
    """The living processes below `pid`, nearest first."""
    parents = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            # After the name, which may hold anything but ends with the last bracket.
            state, parent = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(entry.name)] = int(parent)
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def main(command: list[str]) -> int:
    """Run `command`; its exit status, or 1 where it left something behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")
    try:
        status = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        status = 130
    deadline = time.monotonic() + _GRACE
    while (left := descendants(os.getpid())) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(OSError):
            name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            print(f"left behind by {' '.join(command)}: {pid} {name}", file=sys.stderr)
            os.kill(pid, signal.SIGKILL)
    if status < 0:
        status = 128 - status
    return status or int(bool(left))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
