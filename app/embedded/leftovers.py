"""Servers that outlived a killed supervisor: found by their command line, ended, never guessed.

Only the caller that holds the supervisor's lock may ask: then whatever still runs in the folder
has lost its supervisor. A process is ours when its command line says so and the server's OS user
owns it; a number in a stale pid file proves nothing, for the system gives numbers again.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.embedded.place import EmbeddedDatabaseFailed, ServerPlace

#: How long each stronger way of asking may take, in seconds. The first only waits: the kernel has
#: told the server to stop when its supervisor died.
_PATIENCE: tuple[tuple[signal.Signals | None, float], ...] = (
    (None, 1.0),
    (signal.SIGINT, 30.0),
    (signal.SIGQUIT, 5.0),
    (signal.SIGKILL, 5.0),
)


def processes(place: ServerPlace) -> list[int]:
    """The pids of all PostgreSQL processes of this place, the server itself first."""
    found = [(pid, kind) for pid in _all_pids() if (kind := _kind(place, pid)) is not None]
    return [pid for pid, _ in sorted(found, key=lambda entry: (entry[1], entry[0]))]


def end_leftovers(place: ServerPlace) -> None:
    """End what a killed supervisor left behind, and remove files that name a stranger's pid.

    Raises `EmbeddedDatabaseFailed` where a leftover cannot be ended.
    """
    for asked, patience in _PATIENCE:
        remaining = processes(place)
        if not remaining:
            break
        if asked is not None:
            for pid in remaining:
                _send(place, pid, asked)
        wait_until(lambda: not processes(place), patience)
    else:
        if remaining := processes(place):
            raise EmbeddedDatabaseFailed(f"an earlier server cannot be ended (pids {remaining})")
    _forget_stranger(place.data / "postmaster.pid")
    for stale in place.sockets.iterdir():  # a socket's own lock names the same number
        stale.unlink()


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Ask `true` again and again for at most `seconds`; whether it came true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _forget_stranger(pid_file: Path) -> None:
    """Remove a pid file whose number is another process's, or that of one dead but not buried.

    PostgreSQL would take either for a living server. A number that nobody has it handles itself,
    and looks for its shared memory then.
    """
    try:
        number = int(pid_file.read_text(encoding="utf-8", errors="replace").splitlines()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid_file.unlink(missing_ok=True)
        return
    if Path(f"/proc/{number}").exists():
        pid_file.unlink(missing_ok=True)


def _send(place: ServerPlace, pid: int, sent: signal.Signals) -> None:
    """Signal a process after making sure, with its number held, that it is still ours."""
    with suppress(ProcessLookupError, PermissionError):
        held = os.pidfd_open(pid)
        try:
            if _kind(place, pid) is not None:
                signal.pidfd_send_signal(held, sent)
        finally:
            os.close(held)


def _kind(place: ServerPlace, pid: int) -> int | None:
    """0 for this place's server, 1 for one of its children, None for anybody else."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        owner = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None
    if owner != (place.account.uid if place.account else os.geteuid()):
        return None
    if words[0].startswith(f"postgres: {place.title}: ".encode()):
        return 1
    data = os.fsencode(place.data)
    is_server = words[0].rpartition(b"/")[2] == b"postgres" and words[1:3] == [b"-D", data]
    return 0 if is_server else None


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
