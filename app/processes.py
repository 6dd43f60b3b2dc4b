"""Processes that belong to another: they end when it ends, however it ends."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when the thread that started it ends (Linux).

    `parent` is the pid of the process that did. It must be told: one that was killed while we were
    still importing is not our parent any more, and whoever is now would be taken for it.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def begin_below(parent: int) -> None:
    """What a helper process does first: it ends with its parent, and by nobody else's Ctrl-C."""
    end_with_parent(parent)
    # Ctrl-C goes to the whole terminal group; the owner decides when its helpers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def begin_helping(parent: int, memory: int) -> None:
    """Be a helper of this process, with so many bytes of memory and no more."""
    begin_below(parent)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def end_in_silence() -> None:
    """For `atexit`, in a process that has frozen what it loaded (`gc.freeze`).

    It ends in no time, for nothing of that is taken apart; and nobody reads what DuckDB's binding
    says of it.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where a shell has closed it
            with suppress(OSError, ValueError):
                stream.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def in_time(seconds: float, work: Callable[..., T], *given: Any) -> T:
    """Do it, or die: work that hangs in a library hears of nothing else."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work(*given)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
